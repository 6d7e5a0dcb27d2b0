"""Why personal data goes. Pure: no Django."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class ErasureReason(StrEnum):
    """Why somebody asks for an account to be erased. The audit trail keeps the code alone."""

    PERSON_ASKED = "person_asked"
    GUARDIAN_ASKED = "guardian_asked"
    PLATFORM_DELETED = "platform_deleted"
    COURT_ORDER = "court_order"
    RECORDED_IN_ERROR = "recorded_in_error"


REASON_LABELS: Final[dict[ErasureReason, str]] = {
    ErasureReason.PERSON_ASKED: "the person asked for it",
    ErasureReason.GUARDIAN_ASKED: "a parent or guardian asked for it",
    ErasureReason.PLATFORM_DELETED: "the platform deleted the account",
    ErasureReason.COURT_ORDER: "a court or an authority ordered it",
    ErasureReason.RECORDED_IN_ERROR: "it was recorded in error",
}
