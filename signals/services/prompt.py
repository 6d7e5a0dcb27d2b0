"""When accounts are brought up to date promptly, and who is asked to do it.

A complete run takes a minute or more and follows every import; ``signals.prompt`` brings the few
accounts that a small import touches up to date before that, by the values that the last complete
run compared with. Nothing rests on it: what it misses, the complete run catches up.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from celery import current_app
from django.conf import settings
from django.db import connection, transaction

from accounts.models import ImportBatch
from signals import storage
from signals.models import Run

if TYPE_CHECKING:
    from signals.engine.priors import Recorder

UPDATE: Final = "signals.prompt_update"
"""Name of the task that brings the accounts of one import up to date."""

WARM: Final = "signals.prompt_warm"
"""Name of the task after which the next update is quick."""

QUEUE: Final = "prompt"
"""Where both are sent: a worker of its own can take them, so that a run in progress is no wait."""

_EXPIRES: Final = 60
"""Seconds after which an update is left to the complete run."""

_LOCK: Final = 0x5174_51AB
"""Key of the advisory lock under which values become visible: of a run, or of an update."""


def enabled() -> bool:
    """Whether updates are wanted and possible: from the database, by the embedded engine."""
    return bool(
        settings.SIGNALS_PROMPT_ACCOUNTS
        and settings.SIGNALS_RUN_AFTER_IMPORT
        and settings.SIGNALS_ENGINE == "duckdb"
        and not settings.SIGNALS_GRAPH
    )


def update_after_import(batch: ImportBatch) -> None:
    """Ask for an update when a small import with events has ended, once that is committed."""
    if enabled() and 0 < batch.accepted_events <= settings.SIGNALS_PROMPT_ACCOUNTS:
        transaction.on_commit(partial(_send, UPDATE, batch.pk), robust=True)


def warm() -> None:
    """Ask the worker to get ready for updates against the run that has become complete."""
    if enabled():
        _send(WARM)


def _send(task: str, *arguments: int) -> None:
    current_app.send_task(task, args=list(arguments), queue=QUEUE, expires=_EXPIRES)


def recorder(run: Run) -> Recorder | None:
    """Keeps what ``run`` compares with, where updates may follow it."""
    if not enabled() or run.as_of is not None or run.engine != "duckdb":
        return None
    # Brings numpy and pyarrow, which most processes never need.
    from signals.engine.priors import Recorder

    return Recorder(storage.priors_folder(run.pk))


def one_at_a_time() -> None:
    """Wait, in the running transaction, until nobody else makes values visible."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
