"""Which decisions a page offers. The services check the same table again when one is taken."""

from __future__ import annotations

from moderation.domain.transitions import TRANSITIONS, State, Verb
from staff.capabilities import role_can


def available(
    case_state: State | str,
    role: str,
    *,
    is_holder: bool,
    is_escalator: bool,
    may_take_back: bool = False,
) -> list[Verb]:
    """The verbs open to a person of ``role``, in the order of the transition table.

    ``is_holder``: holds the case under a lease that has not lapsed. ``is_escalator``: has ever
    escalated this case (``Case.was_escalated_by``), and so never decides on an escalation of it.
    ``may_take_back``: took the last decision, not longer ago than ``UNDO_WITHIN``.
    """
    return [
        t.verb
        for t in TRANSITIONS
        if t.source == case_state
        and t.capability is not None
        and role_can(role, t.capability)
        and (is_holder or not t.needs_lease)
        and not (is_escalator and t.four_eyes)
        and (may_take_back or not t.takes_back)
    ]
