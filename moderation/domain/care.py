"""What the work may weigh on a person in one shift, and what somebody may leave to others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

PAUSE = timedelta(hours=8)
"""So long without a case, and the next case begins a new shift."""
LONGEST = timedelta(hours=14)
"""So long after its beginning a shift is over, whatever happened in it."""
FURTHER = 5
"""Cases that "go on for a little" adds each time, and half as many grave ones and reveals."""


class Category(StrEnum):
    """Kinds of cases that a person may leave to others, without a reason."""

    UNDER_13 = "under_13"
    CRITICAL = "critical"
    AGE_CHECK = "age_check"


CATEGORY_LABELS: dict[Category, str] = {
    Category.UNDER_13: "Cases with children under 13",
    Category.CRITICAL: "Cases of critical severity",
    Category.AGE_CHECK: "Age checks",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How many cases, grave cases (critical) and reveals of names a shift should hold at most."""

    cases: int = 40
    critical: int = 8
    reveals: int = 12

    def further(self, times: int) -> Limits:
        """The limits after somebody has chosen to go on so many times."""
        half = (FURTHER + 1) // 2
        return Limits(
            self.cases + FURTHER * times, self.critical + half * times, self.reveals + half * times
        )
