"""`make demo`: everything on one machine, with an invented community to try Sightline on."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from django.conf import settings
from django.db import connection

from config.commandline import apply_missing_migrations
from config.demo_community import SIGN_INS, DemoError, build
from config.embedded import EmbeddedServer
from config.static_stamp import collect_if_changed
from config.supervisor import Child, Stopped, Supervisor, end_leftovers, stop_on_signals

HOST = "127.0.0.1"
_READY_SECONDS = 600
"""A busy machine starts slowly; a web server that ends is noticed at once, by the supervisor."""

_SAY_EVERY = 30


@dataclass(frozen=True)
class Demo:
    """One demonstration: its folder, its port, and how it talks to the person at the shell."""

    home: Path
    port: int
    say: Callable[[str], None]

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def run(self) -> int:
        """Serve until somebody stops it; returns the exit status. Raises DemoError."""
        self.home.mkdir(parents=True, exist_ok=True)
        record = self.home / "demo" / "processes"
        record.parent.mkdir(exist_ok=True)
        with self._alone(), stop_on_signals(), self._listener() as listener:
            if ended := end_leftovers(record, marker="config."):
                self.say(f"Ended {ended} processes that an earlier start had left behind.")
            server = EmbeddedServer.at(self.home)
            supervisor = Supervisor(self.say, record)
            try:
                self._start(supervisor, server, listener)
                self._welcome()
                while True:
                    supervisor.sleep(1)
            except Stopped:
                self.say("Stopping.")
            finally:
                supervisor.stop()
                connection.close()
                server.leave()
        self.say("Stopped. The data stays; `make demo` goes on with it, `make reset` removes it.")
        return 0

    # -- before ----------------------------------------------------------------------------

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder's lock, which the kernel drops however this process ends."""
        with (self.home / "demo.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise DemoError(
                    f"A demonstration already runs from {self.home} ({lock.read().strip()}). "
                    "Stop it with Ctrl-C there, or set SIGHTLINE_HOME to start another."
                ) from None
            lock.truncate(0)
            lock.write(f"process {os.getpid()}, {self.address}")
            lock.flush()
            yield

    @contextmanager
    def _listener(self) -> Iterator[socket.socket]:
        """The web server's socket, opened first: it can neither be taken nor lost later."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((HOST, self.port))
            except PermissionError:
                raise DemoError(
                    f"You may not use port {self.port}; choose one above 1023."
                ) from None
            except OSError:
                raise DemoError(
                    f"Port {self.port} is taken by another program. "
                    f"Choose another: make demo PORT={self.port + 1}"
                ) from None
            listener.listen(64)
            yield listener

    # -- start -----------------------------------------------------------------------------

    def _start(
        self, supervisor: Supervisor, server: EmbeddedServer, listener: socket.socket
    ) -> None:
        self.say("Starting the database.")
        server.ensure_running()
        self.say("Bringing its tables up to date.")
        apply_missing_migrations()
        if collect_if_changed():
            self.say("Collected the static files.")
        self.say("Starting the worker, the scheduler and the web server.")
        for child in children(listener, self.home):
            supervisor.start(child)
        supervisor.watch(lambda: self._watch_database(server))
        supervisor.watch(_watch_make())
        build(home=self.home, supervisor=supervisor, say=self.say)
        connection.close()
        self._wait_until_ready(supervisor)

    def _watch_database(self, server: EmbeddedServer) -> None:
        if server.pid() is None:
            self.say("The database ended; starting it again.")
            server.ensure_running()

    def _wait_until_ready(self, supervisor: Supervisor) -> None:
        begun = time.monotonic()
        said = 0.0
        while (waited := time.monotonic() - begun) < _READY_SECONDS:
            if waited - said >= _SAY_EVERY:
                said = waited
                self.say(
                    f"Still waiting for the web server, {waited:.0f} s by now; "
                    f"its log is {self.home}/logs/web.log."
                )
            supervisor.sleep(0.2)
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.address}/readyz", trust_env=False).is_success:
                    return
        raise DemoError(f"The web server does not answer; its log is {self.home}/logs/web.log.")

    def _welcome(self) -> None:
        self.say(f"Sightline is ready: {self.address}")
        self.say("Sign in as:")
        for person in json.loads((self.home / SIGN_INS).read_text("utf-8")):
            self.say("  {role:<11} {email:<26} {password}".format(**person))
        self.say("Ctrl-C stops everything.")


def children(listener: socket.socket, home: Path) -> list[Child]:
    """What serves Sightline on `listener`: workers, scheduler and web server."""
    logs, folder = home / "logs", settings.BASE_DIR
    celery = [sys.executable, "-m", "celery", "--app", "config.celery"]
    schedule = ["--schedule", str(home / "demo" / "schedule"), "--pidfile", ""]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]

    def named(name: str) -> list[str]:
        return ["--hostname", f"{name}@%h", *quiet]

    web = ["--config", "config/gunicorn.py", "--bind", f"fd://{listener.fileno()}"]
    return [
        Child(
            "worker",
            [*celery, "worker", "-Q", "sightline", "--concurrency", "2", *named("demo")],
            logs / "worker.log",
            folder,
        ),
        Child(
            "prompt worker",
            [*celery, "worker", "-Q", "prompt", "--pool", "solo", *named("prompt")],
            logs / "prompt.log",
            folder,
        ),
        Child(
            "scheduler",
            [*celery, "beat", *schedule],
            logs / "scheduler.log",
            folder,
        ),
        Child(
            "web server",
            [sys.executable, "-m", "gunicorn", *web, "config.wsgi"],
            logs / "web.log",
            folder,
            inherited=(listener.fileno(),),
        ),
    ]


def _watch_make() -> Callable[[], None]:
    """Stop when the `make` that started this process was killed."""
    parent = os.getppid()

    def check() -> None:
        if "MAKELEVEL" in os.environ and os.getppid() != parent:
            raise Stopped

    return check


def run_demo(*, port: int, say: Callable[[str], None]) -> int:
    """Build the demonstration unless it is there, and serve it. Raises DemoError."""
    if not settings.EMBEDDED:
        raise DemoError(
            "The demonstration never touches a database that DATABASE_URL names; unset it."
        )
    return Demo(settings.SIGHTLINE_HOME, port, say).run()
