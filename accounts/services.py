"""The life of an import. ``accounts.imports.run`` carries it out."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from celery import current_app
from django.db import transaction
from django.utils import timezone

from accounts import hooks
from accounts.formats.rows import WHOLE_FILE
from accounts.imports.database import is_running
from accounts.models import ImportBatch
from accounts.selectors import replies_naming_accounts, unresolved_counts
from audit.actors import Actor
from audit.reads import record_read
from audit.services import record
from staff.capabilities import Capability

IMPORT: Final = "accounts.import_batch"
"""Name of the task that carries out an import."""

MAX_ATTEMPTS: Final = 10
"""An import that was interrupted this often is given up: it may be what kills its workers."""

_MESSAGE_MAY_TAKE: Final = timedelta(minutes=2)
"""A worker that was asked for longer ago than this has lost the message."""

_DIED: Final = (
    "The process that imported ended before the import did; what was imported so far is kept."
)

State = ImportBatch.State


@transaction.atomic
def create_batch(
    *,
    actor: Actor,
    origin: str,
    path: str | Path,
    source: str = "",
    format: str = "auto",  # noqa: A002 - the contract's name
    files: list[dict[str, Any]] | None = None,
) -> ImportBatch:
    """Note that ``path`` (a file or folder) is to be imported. Raises NotAllowed.

    ``files`` names the files one by one, as ``accounts.imports.progress.FileProgress``.
    """
    actor.require(Capability.IMPORT_GRAPH)
    batch = ImportBatch.objects.create(
        origin=origin,
        path=str(path),
        source=source[:120],
        format=format,
        files=files or [],
        created_by=actor.user,
    )
    record(
        actor=actor,
        verb="import.create",
        target=_target(batch),
        after={"origin": origin, "format": format, "source": batch.source},
    )
    return batch


@transaction.atomic
def queue_import(
    *,
    actor: Actor,
    path: str | Path,
    origin: str = ImportBatch.Origin.COMMAND,
    source: str = "",
    format: str = "auto",  # noqa: A002 - the contract's name
    files: list[dict[str, Any]] | None = None,
) -> ImportBatch:
    """Have a worker import ``path``. Raises NotAllowed."""
    batch = create_batch(
        actor=actor, origin=origin, path=path, source=source, format=format, files=files
    )
    _send(batch)
    return batch


def _send(batch: ImportBatch) -> None:
    """Ask a worker, once the running transaction is committed. Asking twice does no harm."""
    batch.queued_at = timezone.now()
    batch.save(update_fields=["queued_at"])
    transaction.on_commit(
        partial(current_app.send_task, IMPORT, args=[batch.pk]),
        robust=True,
    )


@transaction.atomic
def begin_import(*, batch_id: int) -> ImportBatch:
    """Mark an import as being carried out; one that is over is returned as it is.

    Only the process that claimed it may ask.
    """
    batch = ImportBatch.objects.select_for_update().get(pk=batch_id)
    if not batch.is_over:
        batch.state, batch.error = State.RUNNING, ""
        batch.started_at = batch.started_at or timezone.now()
        batch.attempts += 1
        batch.save(update_fields=["state", "error", "started_at", "attempts"])
    return batch


@transaction.atomic
def list_files(*, batch_id: int, files: list[dict[str, Any]]) -> ImportBatch:
    """Keep which files an import consists of, now that they were looked for."""
    batch = ImportBatch.objects.select_for_update().get(pk=batch_id)
    batch.files = files
    batch.save(update_fields=["files"])
    return batch


@transaction.atomic
def finish_import(*, batch_id: int, rejects_file: str = "") -> ImportBatch:
    """Mark an import whose rows are all dealt with as over, and tell who wants to know."""
    batch = ImportBatch.objects.select_for_update().get(pk=batch_id)
    if batch.is_over:
        return batch
    if not batch.rejected:
        batch.state = State.DONE
    elif batch.accepted or batch.duplicates:
        batch.state = State.PARTIAL
    else:
        batch.state = State.FAILED
        batch.error = _why_nothing(batch)
    batch.finished_at = timezone.now()
    batch.rejects_file = rejects_file
    if batch.origin != ImportBatch.Origin.API:
        batch.unresolved = unresolved_counts()
        batch.notices += _naming_accounts(batch)
    batch.save(
        update_fields=["state", "error", "finished_at", "rejects_file", "unresolved", "notices"]
    )
    hooks.batch_done(batch)
    record(
        actor=_runner(batch),
        verb="import.finish",
        target=_target(batch),
        after={"state": batch.state, **counts(batch)},
    )
    return batch


def _why_nothing(batch: ImportBatch) -> str:
    """What is wrong with the first rejected row, where it stands, and how many more there are."""
    first = batch.rejected_rows.first()
    if first is None:
        return ""
    place = first.file
    if first.field != WHOLE_FILE:
        place += f", line {first.line:,}, {first.field}"
    more = batch.rejected - 1
    rest = f" {more:,} more row{'s were' if more > 1 else ' was'} rejected." if more else ""
    return f"{place}: {first.reason}{rest}"


def _naming_accounts(batch: ImportBatch) -> list[str]:
    """A notice where events wait for an event whose id is an account's: a slip easily made."""
    count = replies_naming_accounts(batch) if batch.unresolved["events"] else 0
    if not count:
        return []
    notice = (
        f"{count:,} event{'s wait' if count > 1 else ' waits'} for an event whose event_id is the "
        "id of an account. Accept, Reject, Ignore and Undo name the event_id of what they answer "
        "or take back, not an account: look at their object."
    )
    return [notice]


@transaction.atomic
def interrupt_import(*, batch_id: int, why: str) -> ImportBatch:
    """Mark an import that its process left before the end."""
    batch = ImportBatch.objects.select_for_update().get(pk=batch_id)
    if batch.state not in (State.QUEUED, State.RUNNING):
        return batch
    batch.state, batch.error = State.INTERRUPTED, why
    batch.save(update_fields=["state", "error"])
    record(
        actor=_runner(batch),
        verb="import.interrupt",
        target=_target(batch),
        after={"attempts": batch.attempts, **counts(batch)},
        reason=why,
    )
    return batch


def sweep_imports(*, actor: Actor) -> list[int]:
    """Find imports that no process carries out any longer; those asked of a worker go on.

    Safe to call at any time, from any process. The numbers of the imports sent again.
    """
    actor.require(Capability.IMPORT_GRAPH)
    unfinished = ImportBatch.objects.filter(
        state__in=[State.QUEUED, State.RUNNING, State.INTERRUPTED]
    )
    dead = [
        batch
        for batch in unfinished.order_by("pk")
        if not is_running(batch.pk) and not _just_sent(batch)
    ]
    return [batch.pk for batch in dead if _revive(batch.pk)]


def _just_sent(batch: ImportBatch) -> bool:
    return batch.queued_at is not None and batch.queued_at > timezone.now() - _MESSAGE_MAY_TAKE


@transaction.atomic
def _revive(batch_id: int) -> bool:
    batch = ImportBatch.objects.select_for_update().get(pk=batch_id)
    if batch.is_over or _just_sent(batch):
        return False
    if batch.state == State.RUNNING:
        batch = interrupt_import(batch_id=batch_id, why=_DIED)
    if batch.queued_at is None:
        return False
    if batch.attempts >= MAX_ATTEMPTS:
        _give_up(batch)
        return False
    _send(batch)
    return True


def _give_up(batch: ImportBatch) -> None:
    batch.state, batch.finished_at = State.FAILED, timezone.now()
    batch.error = f"Given up after {batch.attempts} interruptions; send the files again."
    batch.save(update_fields=["state", "error", "finished_at"])
    record(
        actor=_runner(batch),
        verb="import.finish",
        target=_target(batch),
        after={"state": batch.state, **counts(batch)},
        reason=batch.error,
    )


def counts(batch: ImportBatch) -> dict[str, Any]:
    """The numbers of an import, as its command and the audit trail give them."""
    return {
        "accepted": {
            "accounts": batch.accepted_accounts,
            "ties": batch.accepted_ties,
            "events": batch.accepted_events,
        },
        "duplicates": batch.duplicates,
        "rejected": batch.rejected,
    }


@transaction.atomic
def record_download(*, actor: Actor, batch: ImportBatch) -> None:
    """Write into the trail that the rejected rows of ``batch`` leave as a file."""
    actor.require(Capability.IMPORT_GRAPH)
    record(
        actor=actor,
        verb="import.download_rejects",
        target=_target(batch),
        after={"rows": batch.rejected},
    )


def record_look(*, actor: Actor, batch: ImportBatch) -> None:
    """Write into the trail that somebody is about to see the rejected rows of ``batch``.

    They hold what the platform sent, names and birth dates of children among it.
    """
    actor.require(Capability.IMPORT_GRAPH)
    record_read(actor=actor, target=_target(batch), fields=("rejected_rows",))


def _runner(batch: ImportBatch) -> Actor:
    """Who carries out an import: a worker where one was asked, else the command itself."""
    return Actor.system("command" if batch.queued_at is None else "worker")


def _target(batch: ImportBatch) -> str:
    return f"import:{batch.pk}"
