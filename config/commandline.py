"""Runs a management command: as the right database role, on an up-to-date embedded database."""

from __future__ import annotations

import os
import subprocess
import sys

OWNER_COMMANDS = frozenset(
    {"flush", "makemigrations", "migrate", "optimizemigration", "pgtrigger", "sqlflush"}
    | {"sqlmigrate", "squashmigrations", "showmigrations"}
)
"""Run as the owner of the tables; every other command runs as the application's role."""

WITHOUT_DATABASE = OWNER_COMMANDS | {
    "check", "collectstatic", "compilemessages", "demo", "diffsettings", "djade", "findstatic",
    "help", "makemessages", "runserver", "simulate", "spectacular", "test", "verify_package",
    "version",
}  # fmt: skip
"""Commands that leave the embedded database's tables as they are (`demo` migrates by itself)."""

_TRACEBACKS = frozenset({"shell", "runserver"})


def run(argv: list[str]) -> int:
    """Carry out `argv` as `manage.py` does and return the exit status.

    What goes wrong is one sentence on standard error; `--traceback` shows the rest.
    """
    command = argv[1] if len(argv) > 1 else "help"
    if command in OWNER_COMMANDS:
        os.environ["SIGHTLINE_DATABASE_ROLE"] = "owner"

    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, execute_from_command_line
    from django.db import Error as DatabaseError

    try:
        if command not in WITHOUT_DATABASE and not {"-h", "--help"} & set(argv):
            apply_missing_migrations()
        execute_from_command_line(argv)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (`… | head`) has left; closing now would only complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (CommandError, DatabaseError, ImproperlyConfigured, MigrationsFailed) as error:
        if "--traceback" in argv or command in _TRACEBACKS:
            raise
        print(_one_sentence(error), file=sys.stderr)
        return 1
    return 0


class MigrationsFailed(Exception):
    """The embedded database could not be brought up to date."""


def apply_missing_migrations() -> None:
    """Migrate the embedded database if its migrations changed; a named one is never touched.

    A stamp of the migration files makes this a matter of milliseconds when nothing changed.
    Raises MigrationsFailed with one sentence.
    """
    from django.conf import settings

    if not settings.EMBEDDED:
        return
    from config.migration_stamp import MigrationStamp

    stamp = MigrationStamp(settings.BASE_DIR, settings.SIGHTLINE_HOME)
    if stamp.is_current():
        return
    with stamp.lock():
        if stamp.is_current():
            return
        fingerprint = stamp.fingerprint()
        # A process of its own, as the owner: this one connects as the application's role.
        done = subprocess.run(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate", "--no-input"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise MigrationsFailed(
                "The embedded database could not be brought up to date: " + " ".join(reason)
            )
        stamp.write(fingerprint)


def _one_sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text or type(error).__name__
