"""Hours of the day and regions of the synthetic communities.

Regions are ISO 3166-1 country codes in three European zones; summer time follows the one European
rule, computed here so that no time-zone database decides the bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from signals.simulate.settings import DAY

HOUR = 3_600
REGIONS: tuple[str, ...] = ("GB", "DE", "FI", "IE", "FR", "GR", "PT", "ES", "RO", "PL")
UTC_OFFSET_HOURS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 1], dtype=np.int64)
NIGHT_START_HOUR = 22
NIGHT_HOURS = 8


def _last_sunday(year: int, month: int) -> int:
    """01:00 UTC on the last Sunday of a month of 31 days, in seconds."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return int((last - timedelta(days=(last.weekday() + 1) % 7)).timestamp())


_SWITCHES = np.array(
    [_last_sunday(year, month) for year in range(2000, 2061) for month in (3, 10)], dtype=np.int64
)


def utc_offset(seconds: NDArray[np.int64], region: NDArray[np.int8]) -> NDArray[np.int64]:
    """Seconds that local time is ahead of UTC, summer time included."""
    summer = np.searchsorted(_SWITCHES, seconds, side="right") % 2
    return (UTC_OFFSET_HOURS[region] + summer) * HOUR


def is_night(seconds: NDArray[np.int64], region: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Whether the moment falls between 22:00 and 06:00 in that region."""
    local = (seconds + utc_offset(seconds, region)) % DAY
    return (local >= NIGHT_START_HOUR * HOUR) | (local < 6 * HOUR)


def at_local_hour(
    rng: np.random.Generator,
    moments: NDArray[np.int64],
    region: NDArray[np.int8],
    night_share: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Keep each moment's day, and draw a local hour of it: at night with the given probability.

    Evenings are the busiest part of the waking day; nights thin out towards the morning.
    """
    size = moments.size
    night = rng.random(size) < night_share
    late = (NIGHT_START_HOUR + NIGHT_HOURS * rng.random(size) ** 1.8) % 24
    awake = 7 + 15 * np.maximum(rng.random(size), rng.random(size))
    local = (np.where(night, late, awake) * HOUR).astype(np.int64)
    midnight = moments - moments % DAY
    placed: NDArray[np.int64] = midnight + local - utc_offset(midnight, region)
    return placed
