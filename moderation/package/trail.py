"""``audit.json``: what the trail says about the case, with proof. The only place that knows how."""

from __future__ import annotations

from typing import Any

from audit.checkpoints import proof_of
from audit.models import Entry
from moderation.package.canonical import json_bytes
from moderation.package.view import DRAFT_NOTICE, CaseView


def entries_of(reference: str, up_to: int) -> list[Entry]:
    """The entries about a case, in order, up to number ``up_to``."""
    found = Entry.objects.filter(target=f"case:{reference}", number__lte=up_to)
    return list(found.order_by("number"))


def trail_of(entries: list[Entry]) -> dict[str, Any]:
    """The proof that these entries stand in the trail (``audit.proofs``): the same every time.

    Signs a checkpoint where none covers them yet. Raises audit.checkpoints.BrokenTrail.
    """
    return proof_of([entry.number for entry in entries])


def audit_json(view: CaseView) -> bytes:
    """The file. ``proof`` is what ``python -m audit.offline`` checks."""
    return json_bytes(
        {
            "format": "sightline-case-trail-1",
            "status": view.status,
            **({"notice": DRAFT_NOTICE} if view.is_draft else {}),
            "case": view.reference,
            "as_of": view.as_of,
            "proof": view.trail,
        }
    )
