"""The order of the queue: a sum of named factors, stored with the case and shown to people."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

# All factors are in points, the unit of the score: 20 points double the odds.
YOUNGEST: dict[str, float] = {"under_13": 60.0, "13_15": 40.0, "16_17": 20.0}
PER_ACCEPTED = 5.0
MOST_FOR_ACCEPTED = 60.0
PER_LINKED = 20.0
MOST_FOR_LINKED = 40.0
RECENT = 40.0
AT_DEADLINE = 80.0
MOST_FOR_WAITING = 240.0
_STEPS = 8

LABELS: dict[str, str] = {
    "points": "Points of the assessment",
    "youngest": "Youngest child involved",
    "accepted": "Contacts that children accepted",
    "linked": "Linked accounts",
    "recent": "Active in the last 24 hours",
    "waiting": "Time waiting against the deadline",
}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What about an assessment, apart from its points, makes a case more urgent.

    ``youngest``: age band of the youngest child involved, "" where unknown. ``accepted``: distinct
    children who accepted. ``linked``: accounts that approach the same children. ``recent``: the
    account did something within the 24 hours before the assessment's time.
    """

    youngest: str = ""
    accepted: int = 0
    linked: int = 0
    recent: bool = False


def factors(points: float, circumstances: Circumstances, share_used: float) -> dict[str, float]:
    """The named factors, each in points; their sum is the priority.

    ``share_used``: of the time until the deadline (see ``deadlines.share_used``). It counts in
    eighths, so that a waiting case moves in few, visible steps.
    """
    named = with_circumstances({"points": round(points, 1)}, circumstances)
    return with_waiting(named, share_used)


def with_circumstances(known: dict[str, float], circumstances: Circumstances) -> dict[str, float]:
    """``known`` factors with those of the circumstances brought up to date."""
    return known | {
        "youngest": YOUNGEST.get(circumstances.youngest, 0.0),
        "accepted": min(MOST_FOR_ACCEPTED, PER_ACCEPTED * circumstances.accepted),
        "linked": min(MOST_FOR_LINKED, PER_LINKED * circumstances.linked),
        "recent": RECENT if circumstances.recent else 0.0,
    }


def with_waiting(known: dict[str, float], share_used: float) -> dict[str, float]:
    """``known`` factors with the time waited brought up to date."""
    steps = int(share_used * _STEPS) / _STEPS
    return known | {"waiting": min(MOST_FOR_WAITING, AT_DEADLINE * steps)}


def priority(named: dict[str, float]) -> float:
    """The sum of the factors."""
    return round(sum(named.values()), 1)


def whole(number: float) -> int:
    """A factor or the priority as pages show it: whole factors then add up to a whole priority.

    Halves go up. All factors but one are whole, so that this rounds factor and sum alike, whereas
    Python's own rounding takes 120.5 down and 125.5 up.
    """
    return floor(number + 0.5)
