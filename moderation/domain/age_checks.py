"""Asking the platform to make sure of an account's age: what is asked, and what it may answer."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from moderation.domain.ages import ADULT, MINOR_BANDS

REASON = "age_check"
"""What a monitoring that waits for an answer gives as its reason."""

REQUESTED = "age_check.requested"
"""The type of the webhook that asks."""

USUAL_WAIT = timedelta(days=14)
"""So long a page proposes to wait for an answer before the case comes back without one."""


class AgeAnswer(StrEnum):
    ADULT = "adult"
    MINOR = "minor"
    NOT_ESTABLISHED = "not_established"


ANSWER_LABELS: dict[AgeAnswer, str] = {
    AgeAnswer.ADULT: "18 or over, made sure of",
    AgeAnswer.MINOR: "Under 18, made sure of",
    AgeAnswer.NOT_ESTABLISHED: "Could not be established",
}


def answer_of(band: str, source: str) -> AgeAnswer | None:
    """What an imported age answers; None while it is not verified, or names no age."""
    if source != "verified":
        return None
    if band == ADULT:
        return AgeAnswer.ADULT
    return AgeAnswer.MINOR if band in MINOR_BANDS else None
