"""Watching real processes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until `condition` holds; fail when it does not come to that."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.05)


def processes_of(folder: Path, naming: str = "") -> list[psutil.Process]:
    """Every living process that names `folder`, works in it, or has it as its home.

    Of these, only the ones with `naming` in an argument of their command line, where it is given.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            arguments = process.cmdline()
            home = process.environ().get("SIGHTLINE_HOME", "")
            belongs = any(str(folder) in text for text in (*arguments, process.cwd(), home))
            if belongs and (not naming or any(naming in argument for argument in arguments)):
                found.append(process)
    return found


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """Kill every one of `processes`; children may end with their parent before their turn comes."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@contextmanager
def folder_of_its_own() -> Iterator[Path]:
    """A new folder; at the end whatever still runs from it is killed, then the folder goes.

    Not pytest's `tmp_path`: as root the database server runs as another account, to which pytest
    closes its folders.
    """
    with tempfile.TemporaryDirectory(prefix="sightline-test-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        yield folder
        kill_all(processes_of(folder))
