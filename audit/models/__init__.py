from audit.models.entry import Entry, Head
from audit.models.verification import Verification

__all__ = ["Entry", "Head", "Verification"]
