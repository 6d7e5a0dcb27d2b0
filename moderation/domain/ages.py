"""Recorded ages as bands: what severity, priority and the pages need to know of a child's age."""

from __future__ import annotations

from datetime import date

UNDER_13, FROM_13, FROM_16, ADULT, UNKNOWN = "under_13", "13_15", "16_17", "18_plus", "unknown"

MINOR_BANDS = (UNDER_13, FROM_13, FROM_16)
"""Youngest first."""


def band_at(day: date, *, birth_date: date | None, birth_year: int | None, age_band: str) -> str:
    """The age band on ``day`` from the most exact record: date, then year, then band of birth.

    With only a year the birthday is 1 July, as in the engine: a page and a score that judge one
    child by two ages contradict each other. Returns "unknown" where nothing is recorded.
    """
    if birth_date is None and birth_year is not None:
        birth_date = date(birth_year, 7, 1)
    if birth_date is None:
        return age_band or UNKNOWN
    past = (day.month, day.day) >= (birth_date.month, birth_date.day)
    return _band(day.year - birth_date.year - (not past))


def youngest(bands: set[str]) -> str:
    """The youngest of the minors' bands among ``bands``; "" where there is none."""
    return next((band for band in MINOR_BANDS if band in bands), "")


def _band(age: int) -> str:
    if age < 13:
        return UNDER_13
    if age < 16:
        return FROM_13
    return FROM_16 if age < 18 else ADULT
