"""Runs a few processes together: starts them, starts again what dies, ends all of them at once.

The children get process groups of their own, so that Ctrl-C in the terminal reaches only the
supervisor, which then ends them in order; on Linux the kernel ends them when it is killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 8.0
"""Seconds that a child has to end by itself before it is killed."""

PATIENT_STARTS = 5
"""How often in a row a child may end within `_STEADY` seconds of its start."""

_STEADY = 30.0
_TICK = 0.1
_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class CannotRunError(Exception):
    """A child ends again and again soon after its start. The message is one sentence."""


class Stopped(BaseException):
    """Somebody asked the supervisor to end. A BaseException, so that no step swallows it."""


@dataclass
class Child:
    """A process to keep alive. `log` takes its output; `folder` is where it works."""

    name: str
    command: Sequence[str]
    log: Path
    folder: Path
    inherited: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float | None = None


class Supervisor:
    """Keeps `Child` processes running while the caller does other things and calls `tick`."""

    def __init__(self, say: Callable[[str], None], record: Path) -> None:
        self._say = say
        self._record = record
        self._children: list[Child] = []
        self._watches: list[Callable[[], None]] = []

    def start(self, child: Child) -> None:
        self._children.append(child)
        self._launch(child)

    def watch(self, check: Callable[[], None]) -> None:
        """Have `tick` call `check`, for what runs without being a child."""
        self._watches.append(check)

    def tick(self) -> None:
        """Start again what has died, after a pause that doubles while it keeps dying.

        Raises CannotRunError when it has kept dying for too long.
        """
        for check in self._watches:
            check()
        now = time.monotonic()
        for child in self._children:
            if child.due is not None:
                if now >= child.due:
                    self._launch(child)
            elif child.process is not None and (status := child.process.poll()) is not None:
                self._plan_restart(child, status, now)

    def _plan_restart(self, child: Child, status: int, now: float) -> None:
        if now - child.started > _STEADY:
            child.failures = 0
        child.failures += 1
        if child.failures > PATIENT_STARTS:
            raise CannotRunError(
                f"The {child.name} ended {child.failures} times in a row; its log is {child.log}."
            )
        pause = 2.0 ** (child.failures - 1)
        child.due = now + pause
        self._say(
            f"The {child.name} ended ({_describe(status)}); starting it again in {pause:.0f} s. "
            f"Its log is {child.log}."
        )

    def sleep(self, seconds: float = _TICK) -> None:
        """Let time pass while the children are looked after."""
        deadline = time.monotonic() + seconds
        while True:
            self.tick()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _TICK))

    def run(self, command: Sequence[str], log: Path, folder: Path) -> int:
        """Carry out a command that ends by itself, and return its exit status."""
        process = self._open(command, log, folder, ())
        try:
            while process.poll() is None:
                self.sleep()
        finally:
            _end_group(process)
        return process.returncode

    def stop(self) -> None:
        """End every child and what it started, and return when all are gone."""
        processes = [child.process for child in reversed(self._children) if child.process]
        self._children.clear()
        self._watches.clear()
        for process in processes:
            with suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + PATIENCE
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        for process in processes:
            _end_group(process)
        self._record.unlink(missing_ok=True)

    def _launch(self, child: Child) -> None:
        child.process = self._open(child.command, child.log, child.folder, child.inherited)
        child.started = time.monotonic()
        child.due = None
        pids = [str(other.process.pid) for other in self._children if other.process is not None]
        self._record.write_text("\n".join(pids) + "\n", "ascii")

    def _open(
        self,
        command: Sequence[str],
        log: Path,
        folder: Path,
        inherited: tuple[int, ...],
    ) -> subprocess.Popen[bytes]:
        log.parent.mkdir(parents=True, exist_ok=True)
        parent = os.getpid()

        def end_with_parent() -> None:
            if _libc is not None:
                _libc.prctl(_SET_PDEATHSIG, signal.SIGTERM)
                if os.getppid() != parent:
                    os._exit(1)

        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                pass_fds=inherited,
                start_new_session=True,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - no other thread runs yet
            )


def end_leftovers(record: Path, marker: str) -> int:
    """End what a killed supervisor left, by its record of process ids; returns how many.

    Only processes whose command line holds `marker` are touched: ids are used again.
    """
    import psutil

    ended: list[psutil.Process] = []
    with suppress(OSError, ValueError):
        for line in record.read_text("ascii").split():
            with suppress(psutil.Error):
                process = psutil.Process(int(line))
                if marker in " ".join(process.cmdline()):
                    ended += [*process.children(recursive=True), process]
    for process in ended:
        with suppress(psutil.Error):
            process.terminate()
    _gone, alive = psutil.wait_procs(ended, timeout=PATIENCE)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    record.unlink(missing_ok=True)
    return len(ended)


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Within the block, Ctrl-C and the usual end signals raise `Stopped`, once.

    Also when the `make` that started this process is gone without a word.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _describe(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
