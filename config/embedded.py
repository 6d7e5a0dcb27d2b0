"""The PostgreSQL that Sightline brings along when `DATABASE_URL` names no other.

The server comes from a wheel and lives under `SIGHTLINE_HOME/postgres`. Whoever uses it holds a
shared lock on one file; a small keeper process waits for the exclusive lock on the same file, so
it wakes when the last user is gone, however that user ended, and stops the server. The kernel
drops a dead process's locks, so there is no list of process ids that could go stale.

Imports no Django: the keeper and the settings both load this module.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from functools import cache
from pathlib import Path

import psutil
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import make_dsn

from config.embedded_programs import (
    START_SECONDS,
    EmbeddedError,
    give_to_server,
    make_home,
    open_the_way,
    run_program,
)
from config.filelocks import exclusive, is_held, open_lock, takes

DATABASE = "sightline"
OWNER_ROLE = "sightline_owner"
APP_ROLE = "sightline_app"
SUPERUSER = "postgres"
PORT = "5432"

_LONGEST_SOCKET_FOLDER = 80
"""Bytes. A Unix socket's whole path must stay under 104 (macOS) or 108 (Linux) bytes."""

_LOG_BYTES = 5_000_000

_MEMORY_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""What a container says it may use, in bytes or ``max``."""

_OPTIONS = {
    # Two worker processes, four web threads, beat, a command or two and the test runners fit in.
    "max_connections": "60",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    # Without the details of an error, which quote the values of rows.
    "log_error_verbosity": "terse",
    "jit": "off",
    # A large import otherwise meets a checkpoint every few seconds, after each of which whole pages
    # are logged again. After a crash so much is replayed, which takes well under a minute; commits
    # reach the disk as before.
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
}


class EmbeddedServer:
    """One server under one home. Use `EmbeddedServer.at(home)`: a process shares one per home."""

    def __init__(self, home: Path, options: Mapping[str, str] | None = None) -> None:
        self.home = home.resolve()
        self.folder = self.home / "postgres"
        self.data = self.folder / "data"
        self.log = self.folder / "log" / "server.log"
        self.keeper_lock = self.folder / "keeper.lock"
        self.options = {**_OPTIONS, "shared_buffers": _shared_buffers(), **(options or {})}
        self._users_lock: int | None = None
        self._threads = threading.Lock()

    @staticmethod
    @cache
    def at(home: Path) -> EmbeddedServer:
        return EmbeddedServer(home)

    @property
    def socket_folder(self) -> Path:
        """Where the server listens: under its home, or a short path when the home's is too long."""
        folder = self.folder / "run"
        if len(os.fsencode(folder)) <= _LONGEST_SOCKET_FOLDER:
            return folder
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"sightline-{os.getuid()}-{digest}"

    def dsn(self, user: str = SUPERUSER, database: str = "postgres") -> str:
        return make_dsn(host=str(self.socket_folder), port=PORT, user=user, dbname=database)

    # -- use -------------------------------------------------------------------------------

    def ensure_running(self) -> None:
        """Start the server unless it runs, and keep it until this process and its forks end.

        Safe to call often and from many processes at once.
        Raises EmbeddedError with one sentence when the server cannot be started.
        """
        self._prepare_folders()
        with self._threads:
            if self._users_lock is None:
                self._users_lock = open_lock(self.folder / "users.lock")
                # Waits while a keeper that found no user is stopping the server.
                fcntl.flock(self._users_lock, fcntl.LOCK_SH)
        with exclusive(self.folder / "start.lock"):
            if self.pid() is None:
                self._initialise()
                self._start()
            if not self.keeper_runs():
                self._ensure_roles()
                self._start_keeper()

    def leave(self, *, timeout: float = 60) -> bool:
        """Give up this process's use and wait until the server has stopped or others still use it.

        Returns True when the server is down. Forked children must have ended before.
        """
        if self._users_lock is None:
            return self.pid() is None
        os.close(self._users_lock)
        self._users_lock = None
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.pid() is None and not self.keeper_runs() and self.keeper_is_gone():
                return True
            if self._others_use_it():
                return False
            time.sleep(0.05)
        return self.pid() is None

    def pid(self) -> int | None:
        """The process id of the running server, or None. A stale process file counts as none."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
            command = process.cmdline()
            alive = process.status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError, psutil.Error):
            return None
        return pid if alive and str(self.data) in command else None

    def keeper_runs(self) -> bool:
        return is_held(self.keeper_lock)

    def keeper_is_gone(self) -> bool:
        """Whether the keeper's process, too, has ended: it does so after dropping its lock."""
        try:
            keeper = psutil.Process(int(self.keeper_lock.read_text()))
            return (
                keeper.status() == psutil.STATUS_ZOMBIE or "config.keeper" not in keeper.cmdline()
            )
        except (OSError, ValueError, psutil.Error):
            return True

    def stop(self) -> None:
        """Stop the server now, cleanly. Only the keeper calls this, with no user left."""
        if self.pid() is not None:
            run_program(self.log, "pg_ctl", "-D", self.data, "-m", "fast", "-w", "-t", "60", "stop")
        if self.socket_folder.parent != self.folder:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    # -- start -----------------------------------------------------------------------------

    def _prepare_folders(self) -> None:
        try:
            make_home(self.home)
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise EmbeddedError(
                f"The database folder {self.folder} cannot be made: {error.strerror}. "
                "Set SIGHTLINE_HOME to a folder that you may write to."
            ) from None

    def _initialise(self) -> None:
        """Make the data folder in one step: a half-made one never bears the final name."""
        open_the_way(self.folder)
        give_to_server(self.log.parent, 0o700)
        for leftover in self.folder.glob("new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        if (self.data / "PG_VERSION").exists():
            return
        if self.data.exists() and any(self.data.iterdir()):
            raise EmbeddedError(
                f"{self.data} is not a database folder; move it away or run `make reset`."
            )
        new = self.folder / f"new-{os.getpid()}"
        give_to_server(new, 0o700)
        run_program(self.log,
            "initdb", "-D", new, "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
        )  # fmt: skip
        with suppress(FileNotFoundError):
            self.data.rmdir()
        new.rename(self.data)

    def _start(self) -> None:
        self._clear_remains()
        # Never a folder that somebody else put there beforehand, in a place open to all.
        give_to_server(self.socket_folder, 0o700)
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        options = {**self.options, "unix_socket_directories": str(self.socket_folder)}
        arguments = " ".join(f"-c {key}={_quoted(value)}" for key, value in options.items())
        run_program(self.log,
            "pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", str(START_SECONDS),
            "-o", arguments, "start",
        )  # fmt: skip

    def _clear_remains(self) -> None:
        """After `kill -9` of the server: end what it left running and drop its process file."""
        remains = [
            process
            for process in psutil.process_iter(["name"])
            if process.info["name"] == "postgres" and _works_in(process, self.data)
        ]
        for process in remains:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(remains, timeout=10)
        # Both files name the dead server; in a container that collects no zombies it would seem
        # to live on.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        shutil.rmtree(self.socket_folder, ignore_errors=True)

    def _ensure_roles(self) -> None:
        with closing(self._connect()) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for role in (OWNER_ROLE, APP_ROLE):
                    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
                    if cursor.fetchone() is None:
                        cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if cursor.fetchone() is None:
                    cursor.execute(
                        sql.SQL("CREATE DATABASE {} OWNER {}").format(
                            sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE)
                        )
                    )

    def _connect(self) -> psycopg2.extensions.connection:
        """A superuser's connection; waits for a server whose starter was killed in mid-start."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return psycopg2.connect(self.dsn())
            except psycopg2.OperationalError as error:
                if time.monotonic() > deadline or self.pid() is None:
                    raise EmbeddedError(
                        f"The embedded database does not answer; its log is {self.log}."
                    ) from error
                time.sleep(0.1)

    def _start_keeper(self) -> None:
        lock = open_lock(self.keeper_lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # The keeper inherits the open file and with it the lock: there is never a second one.
        log = os.open(self.folder / "keeper.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            subprocess.Popen(
                [sys.executable, "-m", "config.keeper", str(self.home), str(lock)],
                cwd=Path(__file__).parent.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,
            )
        finally:
            os.close(log)
            os.close(lock)

    # -- helpers ---------------------------------------------------------------------------

    def _others_use_it(self) -> bool:
        lock = open_lock(self.folder / "users.lock")
        try:
            # Neither free for one's own (others share it) nor shut to sharers (the keeper stops).
            return not takes(lock, fcntl.LOCK_EX) and takes(lock, fcntl.LOCK_SH)
        finally:
            os.close(lock)


def _shared_buffers() -> str:
    """An eighth of the memory, from PostgreSQL's own 128 MB up to 1 GB.

    The server takes it bit by bit as tables grow, so that a small one stays small. More would be
    taken from runs, which need several GB themselves and read tables once.
    """
    memory = psutil.virtual_memory().total
    for limit in _MEMORY_LIMITS:
        with suppress(OSError, ValueError):
            memory = min(memory, int(limit.read_text()))
    return f"{min(max(memory // 8 >> 20, 128), 1024)}MB"


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder
    except psutil.Error:
        return False


def _quoted(value: str) -> str:
    """One word for pg_ctl's `-o`, which passes its text through a shell."""
    return "'" + value.replace("'", "'\\''") + "'"
