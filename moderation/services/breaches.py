"""Writing down that a deadline has passed: once for each time that a case began to wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from audit.actors import Actor
from audit.services import Draft, record_all
from moderation.domain.transitions import State
from moderation.models import Breach, Case

WAITING = (State.OPEN, State.IN_REVIEW, State.ESCALATED)
"""States in which a case waits for a person, against its deadline."""


def note(cases: Sequence[Case], *, actor: Actor, now: datetime) -> None:
    """Record the breach of ``cases``: locked, late at ``now``, and without one for this wait."""
    Breach.objects.bulk_create(
        Breach(
            case=case,
            severity=case.severity,
            state=case.state,
            waiting_since=case.waiting_since,
            due_at=case.due_at,
            noticed_at=now,
        )
        for case in cases
    )
    record_all(
        actor=actor,
        drafts=[
            Draft(
                verb="case.breach",
                target=f"case:{case.reference}",
                after={"severity": case.severity, "state": case.state, "due_at": case.due_at},
            )
            for case in cases
        ],
    )


def note_if_late(case: Case, *, now: datetime) -> None:
    """Record the breach of a locked case whose wait is about to end, where the sweep has not.

    In Sightline's own name, as the sweep does: whoever decides late need not be who was late.
    """
    if case.state not in WAITING or case.due_at > now:
        return
    if not Breach.objects.filter(case=case, waiting_since=case.waiting_since).exists():
        note([case], actor=Actor.system("worker"), now=now)
