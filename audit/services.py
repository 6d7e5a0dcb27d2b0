"""Writing the trail. ``record`` is how every service of every floor ends."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from audit import canonical, keys, verbs, witness
from audit.actors import Actor
from audit.context import current_request_id
from audit.models import Entry, Head

_LOCK: Final = 0x5174_A0D1
"""Key of the advisory lock that lets one transaction at a time add entries."""


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
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "audit.services.record must run in the transaction of the change that it records."
        )
    verbs.check(verb)
    said = canonical.plain(
        {"before": before or {}, "after": after or {}, "target": target, "reason": reason}
    )
    key = keys.signing_key()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    last = Entry.objects.order_by("-number").values_list("number", "hash").first()
    number, previous_hash = (1, canonical.GENESIS) if last is None else (last[0] + 1, last[1])
    now = timezone.now()
    content = canonical.Content(
        number=number,
        at=canonical.timestamp(now),
        actor=actor.label,
        role=actor.role,
        verb=verb,
        request_id=current_request_id.get(),
        previous_hash=bytes(previous_hash),
        **said,
    )
    digest = canonical.entry_hash(content)
    signature = key.sign(canonical.signed_message(digest))
    entry = Entry.objects.create(
        number=number,
        at=now,
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
    Head.objects.create(number=number, hash=digest, signature=signature)
    transaction.on_commit(partial(witness.note, number), robust=True)
    return entry
