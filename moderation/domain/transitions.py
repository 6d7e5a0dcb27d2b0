"""The life of a case, as data.

One table drives the service, the database trigger, the buttons and the documentation. A transition
that is not listed here cannot happen anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OPEN = "open"
    IN_REVIEW = "in_review"
    MONITORING = "monitoring"
    ESCALATED = "escalated"
    DISMISSED = "dismissed"
    REFERRED = "referred"


LIVE_STATES = frozenset({State.OPEN, State.IN_REVIEW, State.MONITORING, State.ESCALATED})


class Verb(StrEnum):
    CLAIM = "claim"
    RELEASE = "release"
    DISMISS = "dismiss"
    MONITOR = "monitor"
    ESCALATE = "escalate"
    REFER = "refer"
    RETURN = "return"
    RESUME = "resume"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Transition:
    """``capability`` names who may do it (``staff.capabilities``); None: the system alone does."""

    verb: Verb
    source: State
    target: State
    capability: str | None
    needs_lease: bool = False  # only the person who holds the case
    needs_note: bool = False
    four_eyes: bool = False  # never by the person who escalated


TRANSITIONS: tuple[Transition, ...] = (
    Transition(Verb.CLAIM, State.OPEN, State.IN_REVIEW, "review_cases"),
    Transition(Verb.RELEASE, State.IN_REVIEW, State.OPEN, None),
    Transition(
        Verb.DISMISS,
        State.IN_REVIEW,
        State.DISMISSED,
        "review_cases",
        needs_lease=True,
        needs_note=True,
    ),
    Transition(
        Verb.MONITOR,
        State.IN_REVIEW,
        State.MONITORING,
        "review_cases",
        needs_lease=True,
        needs_note=True,
    ),
    Transition(
        Verb.ESCALATE,
        State.IN_REVIEW,
        State.ESCALATED,
        "review_cases",
        needs_lease=True,
        needs_note=True,
    ),
    Transition(
        Verb.REFER,
        State.ESCALATED,
        State.REFERRED,
        "decide_escalations",
        needs_note=True,
        four_eyes=True,
    ),
    Transition(
        Verb.RETURN,
        State.ESCALATED,
        State.OPEN,
        "decide_escalations",
        needs_note=True,
        four_eyes=True,
    ),
    Transition(
        Verb.DISMISS,
        State.ESCALATED,
        State.DISMISSED,
        "decide_escalations",
        needs_note=True,
        four_eyes=True,
    ),
    Transition(Verb.RESUME, State.MONITORING, State.OPEN, None),
    Transition(Verb.REOPEN, State.DISMISSED, State.OPEN, None),
)


def find(verb: Verb, source: State) -> Transition | None:
    """The transition that ``verb`` makes from ``source``, or None where there is none."""
    return next((t for t in TRANSITIONS if t.verb is verb and t.source is source), None)


def allowed_pairs() -> frozenset[tuple[State, State]]:
    """Every (from, to) that the table knows: what the database trigger lets through."""
    return frozenset((t.source, t.target) for t in TRANSITIONS)
