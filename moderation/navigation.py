"""The pages of the bar, by what a person may do."""

from __future__ import annotations

from django.urls import reverse

from moderation.domain.transitions import State
from moderation.models import Case
from staff.capabilities import Capability
from staff.models import User

# In the order of the bar: label, url name, the capability that opens it, other paths below it
_PAGES: tuple[tuple[str, str, Capability, tuple[str, ...]], ...] = (
    ("Queue", "queue", Capability.VIEW_CASES, ("/cases/",)),
    ("Escalations", "escalations", Capability.DECIDE_ESCALATIONS, ()),
    ("Referrals", "referrals", Capability.VIEW_CASES, ("/outbox/",)),
    ("Second looks", "second_looks", Capability.REVIEW_CASES, ()),
    ("Exemptions", "exemptions", Capability.DECIDE_ESCALATIONS, ()),
    ("Imports", "imports", Capability.IMPORT_GRAPH, ()),
    ("Runs", "runs", Capability.VIEW_RUNS, ()),
    ("Thresholds", "thresholds", Capability.VIEW_THRESHOLDS, ()),
    ("Deadlines", "deadlines", Capability.EDIT_THRESHOLDS, ()),
    ("Staff", "staff", Capability.MANAGE_STAFF, ()),
    ("Care", "care", Capability.MANAGE_STAFF, ()),
    ("Keys", "keys", Capability.MANAGE_KEYS, ()),
    ("Audit trail", "audit", Capability.VIEW_AUDIT, ()),
)


def pages_of(user: User) -> list[tuple[str, str, tuple[str, ...]]]:
    """Label, address and other paths below it, of each page that ``user`` may open."""
    return [
        (label, reverse(name), below)
        for label, name, capability, below in _PAGES
        if user.can(capability)
    ]


def place_of(case: Case, user: User) -> str:
    """The url name of the list where ``user`` works on ``case``: the pages of a case belong there.

    What waits for a supervisor's decision stands among the escalations, for supervisors.
    """
    waits = case.state == State.ESCALATED and user.can(Capability.DECIDE_ESCALATIONS)
    return "escalations" if waits else "queue"
