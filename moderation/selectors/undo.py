"""Until when somebody can take a decision on a case back, and which decisions stand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from moderation.domain.transitions import UNDO_WITHIN, State, Verb, find
from moderation.models import Case, Decision
from staff.models import User


def until(case: Case, user: User, now: datetime) -> datetime | None:
    """The end of the time in which ``user`` can take back the decision that stands; else None.

    One query, and none for a case that is open or in review. The service looks further: something
    may have left the house.
    """
    if find(Verb.UNDO, State(case.state)) is None:
        return None
    decision = Decision.objects.filter(
        case=case, case_version=case.version, by=user, restores__isnull=False
    ).first()
    end = decision.at + UNDO_WITHIN if decision else None
    return end if end is not None and end > now else None


def standing(decisions: Iterable[Decision]) -> list[Decision]:
    """Those of a case's ``decisions``, newest first, that nobody took back; also newest first."""
    found, undone = [], False
    for decision in decisions:
        if decision.verb == Verb.UNDO:
            undone = True
        elif undone:
            undone = False
        else:
            found.append(decision)
    return found
