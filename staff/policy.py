"""Who reaches which page of this floor; the tests walk it against every route."""

from typing import Final

PUBLIC: Final = "public"
"""Stands for a page that needs no sign-in."""
