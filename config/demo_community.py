"""What the demonstration shows: an invented community, brought in by the real import and run."""

from __future__ import annotations

import json
import secrets
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, connection

from accounts.models import ImportBatch
from accounts.services import queue_import
from config.supervisor import Supervisor
from signals.models import Run
from signals.services import start_run
from staff.actors import Actor
from staff.capabilities import Role
from staff.models import User
from staff.services import create_staff

ACCOUNTS = 5000
SOURCE = "demonstration"
SIGN_INS = "demo/sign-ins.json"
"""Below the home: the invented members of staff and their passwords, mode 600."""

_PEOPLE = (
    ("moderator", Role.MODERATOR, "Mo Reyes"),
    ("moderator2", Role.MODERATOR, "Max Okafor"),
    ("supervisor", Role.SUPERVISOR, "Sam Field"),
    ("supervisor2", Role.SUPERVISOR, "Sue Lindqvist"),
    ("admin", Role.ADMIN, "Ada Marsh"),
    ("admin2", Role.ADMIN, "Abe Tan"),
    ("auditor", Role.AUDITOR, "Odd Berg"),
)


class DemoError(Exception):
    """The demonstration cannot go on; the message is one sentence saying why."""


def build(*, home: Path, supervisor: Supervisor, say: Callable[[str], None]) -> None:
    """Make what is missing of people, community and cases. Safe to call on a half-made one."""
    _ensure_people(home / SIGN_INS)
    if not ImportBatch.objects.filter(source=SOURCE).exists():
        folder = _ensure_community(home, supervisor, say)
        queue_import(actor=Actor.system("command"), path=folder, source=SOURCE)
    _wait_for_import(supervisor, say)
    _ensure_run()
    _wait_for_run(supervisor, say)


def _ensure_people(sign_ins: Path) -> None:
    if not sign_ins.exists():
        people = [
            {
                "role": role.value,
                "name": name,
                "email": f"{mailbox}@demo.example",
                "password": f"demo-{secrets.token_hex(2)}-{secrets.token_hex(2)}",
            }
            for mailbox, role, name in _PEOPLE
        ]
        temporary = sign_ins.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(people, indent=1) + "\n", "utf-8")
        temporary.replace(sign_ins)
    for person in json.loads(sign_ins.read_text("utf-8")):
        if not User.objects.filter(email__iexact=person["email"]).exists():
            create_staff(
                actor=Actor.system("command"),
                email=person["email"],
                role=Role(person["role"]),
                password=person["password"],
                name=person["name"],
            )


def _ensure_community(home: Path, supervisor: Supervisor, say: Callable[[str], None]) -> Path:
    folder = home / "demo" / "community"
    if folder.exists():
        return folder
    say(f"Inventing a community of {ACCOUNTS:,} accounts.")
    unfinished = folder.with_name("community.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    log = home / "logs" / "simulate.log"
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    # The invented history ends today, so that the queue looks like a morning's.
    today = datetime.now(UTC).date().isoformat()
    options = ["--accounts", str(ACCOUNTS), "--seed", "1", "--end", today]
    if supervisor.run([*manage, "simulate", str(unfinished), *options], log, home) != 0:
        raise DemoError(f"The community could not be made; the reason is at the end of {log}.")
    unfinished.replace(folder)
    return folder


def _wait_for_import(supervisor: Supervisor, say: Callable[[str], None]) -> None:
    def state() -> tuple[bool, str]:
        batch = ImportBatch.objects.filter(source=SOURCE).latest("id")
        if batch.state == ImportBatch.State.FAILED:
            raise DemoError(f"The community could not be imported: {batch.error}")
        rows = batch.accepted_accounts + batch.accepted_ties + batch.accepted_events
        done = batch.state in {ImportBatch.State.DONE, ImportBatch.State.PARTIAL}
        return done, f"Importing it through the worker: {rows:,} rows."

    _wait(state, supervisor, say)


def _ensure_run() -> None:
    """A run follows each import by itself; one that failed before gets another try."""
    alive = [Run.State.QUEUED, Run.State.RUNNING, Run.State.DONE]
    if not Run.objects.filter(state__in=alive).exists():
        start_run(actor=Actor.system("command"), trigger=Run.Trigger.COMMAND)


def _wait_for_run(supervisor: Supervisor, say: Callable[[str], None]) -> None:
    def state() -> tuple[bool, str]:
        run = Run.objects.order_by("id").last()
        if run is None:
            return False, "Waiting for the indicators to be computed."
        if run.state == Run.State.FAILED:
            raise DemoError(f"The indicators could not be computed: {run.error}")
        if Run.objects.filter(state=Run.State.DONE).exists():
            return True, f"Cases opened: {run.cases_opened:,}."
        return False, f"Computing indicators: {run.progress:.0%} {run.stage}".rstrip() + "."

    _wait(state, supervisor, say)


def _wait(
    state: Callable[[], tuple[bool, str]], supervisor: Supervisor, say: Callable[[str], None]
) -> None:
    """Ask `state` until it is done; say what it says when that changes, not too often."""
    said = ""
    while True:
        try:
            done, line = state()
        except OperationalError:
            # The database is being started again.
            connection.close()
            supervisor.sleep(0.5)
            continue
        if line != said:
            say(line)
            said = line
        if done:
            return
        supervisor.sleep(1)
