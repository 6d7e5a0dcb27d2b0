"""Who may keep an account from being flagged again, for which reasons and how long.

An exemption silences new evidence, so it is never without end, never for lack of evidence, and
longer ones are a supervisor's.
"""

from __future__ import annotations

from datetime import date, timedelta

from moderation.domain.vocabulary import DISMISS_LABELS, DismissReason
from staff.capabilities import Capability, role_can

REASONS = frozenset(
    {
        DismissReason.FAMILY,
        DismissReason.SCHOOL_OR_CLUB_ROLE,
        DismissReason.SAME_AGE_CIRCLE,
        DismissReason.ORDINARY_BEHAVIOUR,
    }
)
"""Reasons that say something about the account which will be true next month as well."""

MODERATOR_DAYS = 90
SUPERVISOR_DAYS = 365


def longest(role: str) -> timedelta:
    """How long a person of ``role`` may exempt an account for; zero for who decides no cases."""
    if role_can(role, Capability.DECIDE_ESCALATIONS):
        return timedelta(days=SUPERVISOR_DAYS)
    if role_can(role, Capability.REVIEW_CASES):
        return timedelta(days=MODERATOR_DAYS)
    return timedelta()


def refusal(*, reason: str, role: str, until: date, today: date) -> str:
    """Why such an exemption cannot be granted, in a sentence; "" where it can."""
    if reason not in REASONS:
        offered = "; ".join(DISMISS_LABELS[known] for known in DismissReason if known in REASONS)
        return f"Only these reasons can exempt an account: {offered}."
    if until <= today:
        return "Choose a date after today."
    if until - today > longest(role):
        days = longest(role).days
        return f"You can exempt an account for {days} days at most, until {today + longest(role)}."
    return ""
