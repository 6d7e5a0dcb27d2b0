"""What may be decided for several cases at once."""

from __future__ import annotations

from moderation.domain.transitions import State, Verb
from moderation.domain.vocabulary import Severity

VERBS = (Verb.DISMISS, Verb.MONITOR)
"""Never an escalation: a supervisor needs the summary of one case, not of fifty."""

MOST = 100
"""Cases of one job: as many as a person can have looked at on a page."""


def obstacle(*, state: State, severity: Severity, free: bool, holder: str) -> str:
    """Why a case cannot be decided together with others, in a sentence; "" where it can.

    ``free``: nobody else holds it under a lease that has not lapsed; ``holder``: who does.
    """
    if state not in {State.OPEN, State.IN_REVIEW}:
        return "It is no longer open."
    if not free:
        return f"{holder or 'Somebody else'} holds it."
    if severity is Severity.CRITICAL:
        return "It is critical: decide on it by itself."
    return ""
