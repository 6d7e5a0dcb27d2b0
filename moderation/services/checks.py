"""Whether what a person entered with a decision can be taken as it is."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

from moderation.errors import InvalidDecision

NOTE_LENGTH = 5_000
ASK_LENGTH = 1_000
LONGEST_MONITORING = timedelta(days=365)


class Entered:
    """Collects what is wrong, field by field, so that a page can show it all at once."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}

    def text(self, field: str, value: str, *, missing: str, longest: int = NOTE_LENGTH) -> str:
        """``value`` without surrounding space; ``missing`` is the message where nothing is left."""
        value = value.strip()
        if not value:
            self.errors[field] = missing
        elif len(value) > longest:
            self.errors[field] = f"Shorten this to {longest:,} characters; it has {len(value):,}."
        elif any(ord(sign) < 32 and sign not in "\n\r\t" for sign in value):
            self.errors[field] = "Remove the control characters from this text."
        return value

    def code(self, field: str, value: str, codes: type[StrEnum]) -> str:
        """``value`` where it is one of ``codes``."""
        if value not in {code.value for code in codes}:
            self.errors[field] = "Choose one of the reasons offered." if value else "Choose one."
        return value

    def future(self, field: str, value: date, today: date) -> date:
        """A date after today and at most a year away."""
        if value <= today:
            self.errors[field] = "Choose a date after today."
        elif value - today > LONGEST_MONITORING:
            self.errors[field] = "Choose a date within a year from today."
        return value

    def check(self) -> None:
        """Raise InvalidDecision when anything was wrong."""
        if self.errors:
            raise InvalidDecision(self.errors)
