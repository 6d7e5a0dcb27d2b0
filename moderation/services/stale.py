"""Noticing that a page is older than its case, and saying what happened since."""

from __future__ import annotations

from audit import verbs
from audit.models import Entry
from moderation.errors import StaleCase
from moderation.models import Case

_SYSTEM = "Sightline"


def check_version(case: Case, version: int) -> None:
    """Raise StaleCase, with who did what last, unless ``version`` is the case's own."""
    if case.version == version:
        return
    entry = (
        Entry.objects.filter(target=f"case:{case.reference}", after__version=case.version)
        .order_by("-number")
        .first()
    )
    raise StaleCase(
        reference=case.reference,
        version_now=case.version,
        changed_by=_name(entry.actor) if entry else _SYSTEM,
        what=verbs.phrase(entry.verb) if entry else "changed the case",
    )


def _name(label: str) -> str:
    """ "Sam Field" of ``staff:12 Sam Field``; Sightline's own name for everything else."""
    kind, _, rest = label.partition(":")
    return rest.partition(" ")[2] if kind == "staff" else _SYSTEM
