"""Looking at personal data leaves an entry, as changing something does."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from audit.actors import Actor
from audit.models import Entry
from audit.services import record

VERB = "personal.read"


def record_read(*, actor: Actor, target: str, fields: Collection[str], reason: str = "") -> Entry:
    """Record that ``actor`` is about to see ``fields`` of ``target``; call it before showing them.

    ``target`` is ``kind:identifier`` as everywhere; ``fields`` are names of fields, never what they
    hold; ``reason`` is a code or words without personal data. Authorising is the caller's.
    Raises ValueError without a field, and what ``audit.services.record`` raises.
    """
    if not fields:
        raise ValueError("A read of nothing is no read: name the fields.")
    with transaction.atomic():
        return record(
            actor=actor,
            verb=VERB,
            target=target,
            after={"fields": sorted(set(fields))},
            reason=reason,
        )
