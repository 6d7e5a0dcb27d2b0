"""When the names of a case's children may be shown, to whom, and for which reasons."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from moderation.domain.transitions import State
from staff.capabilities import Capability, role_can

LASTS = timedelta(minutes=20)
"""How long names stay visible. After that a reason is asked for again."""


class RevealReason(StrEnum):
    """Codes that the audit trail keeps, so they never change their meaning."""

    KNOW_EACH_OTHER = "know_each_other"
    CHECK_AGE = "check_age"
    PROTECT_CHILD = "protect_child"
    PREPARE_REFERRAL = "prepare_referral"
    ANSWER_REQUEST = "answer_request"


REVEAL_LABELS: dict[RevealReason, str] = {
    RevealReason.KNOW_EACH_OTHER: "To see whether they are family, or know each other offline",
    RevealReason.CHECK_AGE: "To check a recorded age",
    RevealReason.PROTECT_CHILD: "To protect a child who may be in danger now",
    RevealReason.PREPARE_REFERRAL: "To prepare a referral",
    RevealReason.ANSWER_REQUEST: "To answer the police or a parent",
}


def stands(state: State | str, role: str, *, is_holder: bool) -> bool:
    """Whether a person of ``role`` has a case in hand, and so may need the names.

    The holder of a case in review; supervisors for what waits for them or went to the police.
    """
    if not role_can(role, Capability.REVEAL_CHILDREN):
        return False
    if state == State.IN_REVIEW:
        return is_holder
    return state in (State.ESCALATED, State.REFERRED) and role_can(
        role, Capability.DECIDE_ESCALATIONS
    )
