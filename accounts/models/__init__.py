"""The platform's world as it was imported."""

from accounts.models.account import Account
from accounts.models.batch import ImportBatch, RejectedRow
from accounts.models.contact import Event
from accounts.models.tie import Tie

__all__ = ["Account", "Event", "ImportBatch", "RejectedRow", "Tie"]
