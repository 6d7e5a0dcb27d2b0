"""The supervisor, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings

from config.supervisor import (
    CannotRunError,
    Child,
    Stopped,
    Supervisor,
    end_leftovers,
    stop_on_signals,
)
from tests.support.processes import folder_of_its_own, processes_of, wait_for

SLEEPER = "import sys, time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPER
PARENT = (
    f"import subprocess, sys; subprocess.run([sys.executable, '-c', {STUBBORN!r}, sys.argv[1]])"
)

SUPERVISED = """
import sys
from pathlib import Path
from config.supervisor import *
home = Path(sys.argv[1])
supervisor = Supervisor(lambda line: print(line, flush=True), home / "record")
with stop_on_signals():
    try:
        command = [sys.executable, "-c", sys.argv[2], str(home)]
        supervisor.start(Child("sleeper", command, home / "log", folder=home))
        print("up", flush=True)
        while True:
            supervisor.sleep(0.1)
    except Stopped:
        print("stopping", flush=True)
    finally:
        supervisor.stop()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with folder_of_its_own() as folder:
        yield folder


def child(home: Path, code: str = SLEEPER) -> Child:
    command = [sys.executable, "-c", code, str(home)]
    return Child("sleeper", command, home / "logs" / "sleeper.log", folder=home)


def is_up(one: Child) -> bool:
    return one.log.exists() and "up" in one.log.read_text()


def test_it_starts_again_what_dies_and_says_so(home: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append, home / "record")
    sleeper = child(home)
    supervisor.start(sleeper)
    first = sleeper.process
    assert first is not None
    first.kill()
    first.wait()
    supervisor.tick()
    assert "The sleeper ended (signal 9); starting it again in 1 s." in said[0]
    assert str(sleeper.log) in said[0]

    def started_again() -> bool:
        supervisor.tick()
        return sleeper.process is not first

    wait_for(started_again)
    supervisor.stop()
    assert processes_of(home) == []


def test_the_pause_doubles_while_a_child_keeps_dying(home: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append, home / "record")
    supervisor.start(child(home, "raise SystemExit(3)"))

    def third_pause() -> bool:
        supervisor.tick()
        return len(said) == 3

    wait_for(third_pause)
    supervisor.stop()
    assert [line.split("again in ")[1][:3] for line in said] == ["1 s", "2 s", "4 s"]
    assert all("exit status 3" in line for line in said)


def test_a_child_that_never_runs_is_given_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.supervisor.PATIENT_STARTS", 1)
    supervisor = Supervisor(print, home / "record")
    supervisor.start(child(home, "raise SystemExit(3)"))
    with pytest.raises(CannotRunError, match="The sleeper ended 2 times in a row; its log is"):
        supervisor.sleep(60)
    supervisor.stop()


def test_stopping_ends_grandchildren_and_those_who_will_not(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.supervisor.PATIENCE", 0.5)
    supervisor = Supervisor(print, home / "record")
    family = child(home, PARENT)
    supervisor.start(family)
    wait_for(lambda: is_up(family))
    assert len(processes_of(home)) == 2
    supervisor.stop()
    wait_for(lambda: processes_of(home) == [])
    assert not (home / "record").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_ends_everything(home: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISED, str(home), SLEEPER],
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "up\n"
        supervisor.send_signal(number)
        assert supervisor.stdout.read() == "stopping\n"
    assert supervisor.returncode == 0
    assert processes_of(home) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_a_killed_supervisor_takes_its_children_along(home: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISED, str(home), SLEEPER],
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "up\n"
        supervisor.kill()
    wait_for(lambda: processes_of(home) == [])


def test_leftovers_are_ended_and_strangers_are_not(home: Path) -> None:
    record = home / "record"
    command = [sys.executable, "-c", SLEEPER]
    leftover = subprocess.Popen([*command, "config.wsgi", str(home)])
    stranger = subprocess.Popen([*command, str(home)])
    try:
        record.write_text(f"{leftover.pid}\n{stranger.pid}\n999999999\n")
        assert end_leftovers(record, marker="config.") == 1
        assert leftover.poll() is not None
        assert stranger.poll() is None
        assert not record.exists()
    finally:
        for process in (leftover, stranger):
            process.kill()
            process.wait()


@pytest.mark.parametrize("content", ["", "not a number\n", "\x00\xff"])
def test_a_broken_record_does_no_harm(home: Path, content: str) -> None:
    record = home / "record"
    record.write_text(content, "latin-1")
    assert end_leftovers(record, marker="config.") == 0
    assert not record.exists()


def test_stop_signals_are_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with suppress(Stopped), stop_on_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_command_that_ends_by_itself(home: Path) -> None:
    supervisor = Supervisor(print, home / "record")
    log = home / "log"
    code = "import sys; print('done'); sys.exit(4)"
    assert supervisor.run([sys.executable, "-c", code, str(home)], log, folder=home) == 4
    assert log.read_text() == "done\n"
    assert processes_of(home) == []
