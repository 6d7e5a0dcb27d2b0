"""Pages of this floor, and the guard that pages of every floor use."""

from staff.views.guard import require, signed_in

__all__ = ["require", "signed_in"]
