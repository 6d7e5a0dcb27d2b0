from audit.models.checkpoint import Checkpoint
from audit.models.entry import Entry, Head

__all__ = ["Checkpoint", "Entry", "Head"]
