"""`make demo`, as a person at the shell meets it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from config.embedded import EmbeddedServer
from tests.support.processes import folder_of_its_own, kill_all, processes_of, wait_for

READY_SECONDS = 300


class Demo:
    """A running demonstration whose output is read as it comes."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "demo", "--port", str(port)],
            env={"PATH": os.environ["PATH"], "SIGHTLINE_HOME": str(home)},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(line.rstrip("\n") for line in self.process.stdout)

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            # The line that closes the welcome.
            if "Ctrl-C stops everything." in self.lines:
                break
            time.sleep(0.2)
        assert f"Sightline is ready: {self.address}" in self.lines, self.output

    def sign_ins(self) -> dict[str, str]:
        return dict(re.findall(r"(\S+@demo\.example)\s+(\S+)", self.output))

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.address}/readyz", trust_env=False).is_success
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with folder_of_its_own() as folder:
        yield folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def sign_in(demo: Demo, email: str) -> httpx.Response:
    with httpx.Client(base_url=demo.address, trust_env=False, follow_redirects=True) as browser:
        page = browser.get("/sign-in/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token is not None
        form = {
            "csrfmiddlewaretoken": token[1],
            "login": email,
            "password": demo.sign_ins()[email],
        }
        return browser.post("/sign-in/", data=form, headers={"Referer": f"{demo.address}/sign-in/"})


def open_cases(home: Path) -> int:
    code = "from moderation.models import Case; print(Case.objects.filter(state='open').count())"
    done = subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "shell", "--no-imports", "-c", code],
        env={"PATH": os.environ["PATH"], "SIGHTLINE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def test_a_demonstration_from_first_start_to_last_stop(home: Path) -> None:
    demo = Demo(home, free_port())
    demo.wait_until_ready()

    # Somebody of each role can sign in, and finds work.
    for name in ("moderator", "moderator2", "supervisor", "supervisor2", "admin", "auditor"):
        answer = sign_in(demo, f"{name}@demo.example")
        assert answer.status_code == 200, name
        assert "/sign-in/" not in str(answer.url), name
    cases = open_cases(home)
    assert cases >= 20

    # A second one from the same folder, and one on the same port, are told why not.
    same_folder = Demo(home, free_port())
    assert same_folder.process.wait(60) == 1
    wait_for(lambda: "already runs from" in same_folder.output)
    with folder_of_its_own() as elsewhere:
        same_port = Demo(elsewhere, demo.port)
        assert same_port.process.wait(60) == 1
        wait_for(lambda: f"Port {demo.port} is taken" in same_port.output)

    # What dies comes back.
    kill_all(processes_of(home, naming="gunicorn"))
    wait_for(lambda: "The web server ended (signal 9)" in demo.output)
    wait_for(demo.answers, 120)
    server = EmbeddedServer(home)
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: server.pid() not in {None, pid})
    wait_for(demo.answers, 120)

    # One Ctrl-C ends all of it.
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(90) == 0
    assert processes_of(home) == []

    # The second start keeps everything, the passwords too.
    again = Demo(home, demo.port)
    again.wait_until_ready()
    assert again.sign_ins() == demo.sign_ins()
    assert "Inventing a community" not in again.output
    assert open_cases(home) == cases

    # Killed without a word, it still leaves nothing running.
    again.process.kill()
    again.process.wait()
    wait_for(lambda: processes_of(home) == [])


def test_a_database_with_an_address_is_no_place_for_a_demonstration(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "demo"],
        env={
            "PATH": os.environ["PATH"],
            "SIGHTLINE_HOME": str(tmp_path),
            "SIGHTLINE_DEBUG": "1",
            "DATABASE_URL": "postgresql://app@db.invalid/sightline",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "never touches a database that DATABASE_URL names" in done.stderr
    assert "Traceback" not in done.stderr
