"""The life of a case, as data.

One table drives the service, the database trigger, the buttons and the documentation. A transition
that is not listed here cannot happen anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from staff.capabilities import Capability


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
    UNDO = "undo"


UNDO_WITHIN = timedelta(minutes=10)
"""For so long a decision can be taken back."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One move. ``capability`` names who may make it.

    None: nobody decides it. It follows from a run, a date, or the answer to an age check.
    """

    verb: Verb
    source: State
    target: State
    capability: Capability | None
    needs_lease: bool = False  # only the person who holds the case
    needs_note: bool = False  # the move leaves a decision, with what the person wrote
    four_eyes: bool = False  # never by anyone who has escalated this case
    takes_back: bool = False  # only by the person who took the last decision, shortly after it


TRANSITIONS: tuple[Transition, ...] = (
    Transition(Verb.CLAIM, State.OPEN, State.IN_REVIEW, Capability.REVIEW_CASES),
    # By the holder; by the system, or by whoever claims it next, when the lease has lapsed.
    Transition(
        Verb.RELEASE, State.IN_REVIEW, State.OPEN, Capability.REVIEW_CASES, needs_lease=True
    ),
    Transition(
        Verb.DISMISS,
        State.IN_REVIEW,
        State.DISMISSED,
        Capability.REVIEW_CASES,
        needs_lease=True,
        needs_note=True,
    ),
    Transition(
        Verb.MONITOR,
        State.IN_REVIEW,
        State.MONITORING,
        Capability.REVIEW_CASES,
        needs_lease=True,
        needs_note=True,
    ),
    Transition(
        Verb.ESCALATE,
        State.IN_REVIEW,
        State.ESCALATED,
        Capability.REVIEW_CASES,
        needs_lease=True,
        needs_note=True,
    ),
    Transition(
        Verb.REFER,
        State.ESCALATED,
        State.REFERRED,
        Capability.DECIDE_ESCALATIONS,
        needs_note=True,
        four_eyes=True,
    ),
    Transition(
        Verb.RETURN,
        State.ESCALATED,
        State.OPEN,
        Capability.DECIDE_ESCALATIONS,
        needs_note=True,
        four_eyes=True,
    ),
    Transition(
        Verb.DISMISS,
        State.ESCALATED,
        State.DISMISSED,
        Capability.DECIDE_ESCALATIONS,
        needs_note=True,
        four_eyes=True,
    ),
    Transition(Verb.RESUME, State.MONITORING, State.OPEN, None),
    Transition(Verb.REOPEN, State.DISMISSED, State.OPEN, None),
    Transition(
        Verb.UNDO, State.DISMISSED, State.IN_REVIEW, Capability.REVIEW_CASES, takes_back=True
    ),
    Transition(
        Verb.UNDO, State.MONITORING, State.IN_REVIEW, Capability.REVIEW_CASES, takes_back=True
    ),
    Transition(
        Verb.UNDO, State.ESCALATED, State.IN_REVIEW, Capability.REVIEW_CASES, takes_back=True
    ),
)


def find(verb: Verb, source: State) -> Transition | None:
    """The transition that ``verb`` makes from ``source``, or None where there is none."""
    return next((t for t in TRANSITIONS if t.verb is verb and t.source is source), None)


def allowed_pairs() -> frozenset[tuple[State, State]]:
    """Every (from, to) that the table knows: what the database trigger lets through."""
    return frozenset((t.source, t.target) for t in TRANSITIONS)


def between(source: State, target: State) -> Transition | None:
    """The one transition from ``source`` to ``target``: a pair never stands for two verbs."""
    return next((t for t in TRANSITIONS if t.source is source and t.target is target), None)
