"""What people do about it."""

from moderation.models.case import Case
from moderation.models.decision import Decision, Note
from moderation.models.referral import Referral

__all__ = ["Case", "Decision", "Note", "Referral"]
