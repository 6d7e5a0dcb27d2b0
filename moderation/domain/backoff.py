"""When to try again: doubling waits with chance in them, so that many do not come back at once."""

from __future__ import annotations

from datetime import timedelta
from random import Random

FIRST = timedelta(seconds=20)
LONGEST = timedelta(hours=1)
MOST_ATTEMPTS = 30
"""Together about a day; then a person must look."""


def wait(attempts: int, chance: Random) -> timedelta:
    """How long to wait after the given number of failed attempts, one or more.

    Between half of and the whole of 20 s, 40 s, 80 s … up to an hour.
    """
    doubled: timedelta = FIRST * 2 ** min(attempts - 1, 12)
    longest = min(LONGEST, doubled)
    return longest * chance.uniform(0.5, 1.0)
