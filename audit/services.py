"""Writing, verifying and exporting the trail. ``record`` is how every service ends."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal

from celery import current_app
from django.db import connection, transaction
from django.utils import timezone

from audit import canonical, exports, keys, verbs, witness
from audit.actors import Actor
from audit.context import request_id
from audit.models import Entry, Head
from audit.selectors import Filters, matching
from audit.under_way import under_way
from audit.verify import Progress, Result, verify_trail
from staff.capabilities import Capability

logger = logging.getLogger(__name__)

ExportKind = Literal["jsonl", "csv"]

TRAIL: Final = "audit:trail"
"""What entries about the trail itself name as their target."""

VERIFIED_AT_ONCE: Final = 5_000
"""Entries that are verified while the page waits: about a second's work."""

_LOCK: Final = 0x5174_A0D1
"""Key of the advisory lock that lets one transaction at a time add entries."""

_BATCH: Final = 500
"""Rows of one INSERT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one entry is to say, for ``record_all``; the fields are those of ``record``."""

    verb: str
    target: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str = ""


def record(
    *,
    actor: Actor,
    verb: str,
    target: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> Entry:
    """Add one entry at the end of the trail, in the running transaction.

    Call it last: from here to the commit no other transaction can add an entry. ``target`` is
    ``kind:identifier``; ``before`` and ``after`` hold what changed, as plain values (see
    ``canonical.plain``), without personal data of children or flagged accounts.

    Raises TransactionManagementError outside a transaction, ``verbs.UnknownVerb``, and ValueError
    or TypeError for values that an entry cannot hold.
    """
    draft = Draft(verb=verb, target=target, before=before, after=after, reason=reason)
    (entry,) = record_all(actor=actor, drafts=[draft])
    return entry


def record_all(*, actor: Actor, drafts: Sequence[Draft]) -> list[Entry]:
    """Add an entry for each of ``drafts``, in their order, as ``record`` does but in bulk.

    For services that change thousands of things in one transaction. Raises what ``record`` raises.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "audit.services.record must run in the transaction of the change that it records."
        )
    said = [_plain(draft) for draft in drafts]
    if not said:
        return []
    lock()
    key = keys.signing_key()  # after the lock: the key may be replaced while one waits
    last = Entry.objects.order_by("-number").values_list("number", "hash").first()
    number, previous_hash = (0, canonical.GENESIS) if last is None else (last[0], bytes(last[1]))
    now = timezone.now()
    entries = []
    for plain in said:
        number += 1
        content = canonical.Content(
            number=number,
            at=canonical.timestamp(now),
            actor=actor.label,
            role=actor.role,
            request_id=request_id(),
            previous_hash=previous_hash,
            **plain,
        )
        previous_hash = canonical.entry_hash(content)
        signature = key.sign(canonical.signed_message(previous_hash))
        entries.append(_entry(content, now, previous_hash, signature))
    Entry.objects.bulk_create(entries, batch_size=_BATCH)
    Head.objects.bulk_create(
        [Head(number=e.number, hash=e.hash, signature=e.signature) for e in entries],
        batch_size=_BATCH,
    )
    transaction.on_commit(partial(witness.note, number), robust=True)
    return entries


def lock() -> None:
    """Let no other transaction add an entry until the running one ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _plain(draft: Draft) -> dict[str, Any]:
    verbs.check(draft.verb)
    said: dict[str, Any] = canonical.plain(
        {
            "before": draft.before or {},
            "after": draft.after or {},
            "target": draft.target,
            "reason": draft.reason,
        }
    )
    return said | {"verb": draft.verb}


def _entry(content: canonical.Content, at: datetime, digest: bytes, signature: bytes) -> Entry:
    return Entry(
        number=content.number,
        at=at,
        actor=content.actor,
        role=content.role,
        verb=content.verb,
        target=content.target,
        before=content.before,
        after=content.after,
        reason=content.reason,
        request_id=content.request_id,
        previous_hash=content.previous_hash,
        hash=digest,
        signature=signature,
    )


def verify(*, actor: Actor, progress: Progress | None = None) -> Result:
    """Check the whole trail and record the outcome, which the audit page shows.

    The outcome is an entry like any other: also on a bad trail, which stays as it is.
    Raises NotAllowed.
    """
    actor.require(Capability.VIEW_AUDIT)
    result = verify_trail(progress)
    with transaction.atomic():
        record(
            actor=actor,
            verb="audit.verify",
            target=TRAIL,
            after={
                "ok": result.ok,
                "entries": result.entries,
                "head": result.head,
                "first_bad": result.first_bad,
                "problem": result.problem,
            },
        )
    if not result.ok:
        logger.critical(
            "audit_trail_is_bad", extra={"first_bad": result.first_bad, "problem": result.problem}
        )
    return result


def ask_verification(*, actor: Actor) -> Result | None:
    """Verify at once where that takes about a second, and otherwise in the background.

    Returns the result, or None when a worker has been asked. One that is at it already is not asked
    a second time: of a long trail that is many minutes of a processor. Raises NotAllowed.
    """
    actor.require(Capability.VIEW_AUDIT)
    if under_way() is not None:
        return None
    last = Entry.objects.order_by("-number").values_list("number", flat=True).first()
    if (last or 0) <= VERIFIED_AT_ONCE:
        return verify(actor=actor)
    with transaction.atomic():
        record(actor=actor, verb="audit.ask_verification", target=TRAIL)
        transaction.on_commit(lambda: current_app.send_task("audit.verify_trail"), robust=True)
    return None


def export(*, actor: Actor, filters: Filters, kind: ExportKind) -> Iterator[str]:
    """The matching entries in order, as text in pieces: ``jsonl`` or ``csv``.

    The export is recorded before its first piece is made. Raises NotAllowed.
    """
    actor.require(Capability.EXPORT_AUDIT)
    with transaction.atomic():
        record(
            actor=actor,
            verb="audit.export",
            target=TRAIL,
            after={"format": kind, "filters": filters.for_trail()},
        )
    entries = matching(filters).order_by("number").iterator(chunk_size=_BATCH)
    return exports.as_json_lines(entries) if kind == "jsonl" else exports.as_csv(entries)
