"""Pages of this floor, and the guard that pages of every floor use."""

from staff.views.guard import actor_of, page_shown, redirect, require, signed_in, to_sign_in

__all__ = ["actor_of", "page_shown", "redirect", "require", "signed_in", "to_sign_in"]
