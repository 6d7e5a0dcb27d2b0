"""Rules of the accounts file."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from accounts.validation.checker import Checker, Mask, as_mask, may_hold_control
from accounts.validation.moments import as_numpy_days, dates, times, years

AGE_BANDS: Final = ("under_13", "13_15", "16_17", "18_plus", "unknown")
AGE_SOURCES: Final = ("self_declared", "estimated", "verified")
ROLES: Final = ("educator", "coach", "support", "official")
STATUSES: Final = ("active", "suspended", "deleted")
AGE_COLUMNS: Final = ("birth_date", "birth_year", "age_band")

_EARLIEST_YEAR: Final = 1900
_YOUNGEST: Final = np.array([0, 13, 16, 18, 0])
_OLDEST: Final = np.array([12, 15, 17, 200, 200])
_BAND_MAY_LAG: Final = 5
"""Years. An age band was right when it was exported, perhaps some years ago."""

_NO_AGE: Final = "; where an age in years is known, give birth_year instead"

_LIMITS: Final = {"gender": 40, "region": 40, "community": 255}


def check(check: Checker) -> dict[str, pa.Array]:
    columns = {"account_id": check.identifier("account_id")}
    if check.has("display_name"):
        columns["display_name"] = _display_name(check)
    if any(check.has(name) for name in AGE_COLUMNS):
        columns |= _age(check)
    for name, longest in _LIMITS.items():
        if check.has(name):
            columns[name] = check.bounded(name, longest)
    for name, allowed, otherwise in (
        ("age_source", AGE_SOURCES, AGE_SOURCES[0]),
        ("role", ROLES, ""),
        ("status", STATUSES, STATUSES[0]),
    ):
        if check.has(name):
            chosen = check.choice(name, allowed)
            columns[name] = pc.if_else(pc.equal(chosen, ""), otherwise, chosen)
    if check.has("created_at"):
        columns["created_at"] = times(check, "created_at")
    for name in columns.keys() - {"account_id", *AGE_COLUMNS}:
        _note_stated(check, name, as_mask(check.text(name).is_valid()))
    return columns


def _note_stated(check: Checker, name: str, stated: Mask) -> None:
    if not stated.all():
        check.stated[name] = stated


def _display_name(check: Checker) -> pa.Array:
    """Line breaks and the like become spaces; a NUL means a damaged file."""
    values = check.text("display_name")
    if may_hold_control(values):
        check.refuse(
            as_mask(pc.match_substring(values, "\x00")),
            "display_name",
            "This holds a NUL character, so the file is damaged here; correct the name.",
        )
        values = pc.replace_substring_regex(values, r"[\x00-\x1f\x7f-\x{9f}]+", " ")
    values = pc.utf8_trim_whitespace(values)
    check.too_long("display_name", values, 255)
    return values


def _age(check: Checker) -> dict[str, pa.Array]:
    """At most one of birth date, birth year and age band is kept: the most exact one.

    Stating one of the three states all three, so that a corrected age replaces the old one whole.
    """
    date, year, band = dates(check, "birth_date"), years(check, "birth_year"), _band(check)
    has_date, has_year = as_mask(date.is_valid()), as_mask(year.is_valid())
    days = as_numpy_days(date)
    year_of_date = pc.year(date)
    today = np.datetime64(check.now.date(), "D")
    this_year = check.now.year
    impossible = f"The year must be from {_EARLIEST_YEAR} to {this_year}; correct it."
    check.refuse(
        has_date & (as_mask(pc.less(year_of_date, _EARLIEST_YEAR)) | (days > today + 1)),
        "birth_date",
        impossible,
    )
    check.refuse(
        has_year & as_mask(pc.or_(pc.less(year, _EARLIEST_YEAR), pc.greater(year, this_year))),
        "birth_year",
        impossible,
    )
    check.refuse(
        as_mask(pc.not_equal(year, year_of_date)),
        "birth_year",
        "birth_year and birth_date contradict each other; keep the one that is right.",
    )
    _refuse_wrong_band(check, pc.coalesce(year_of_date.cast(pa.int32()), year), band)
    stated = np.zeros(len(check.batch), bool)
    for name in AGE_COLUMNS:
        stated |= as_mask(check.text(name).is_valid())
    for name in AGE_COLUMNS:
        _note_stated(check, name, stated)
    return {
        "birth_date": date,
        "birth_year": pc.if_else(pa.array(has_date), pa.scalar(None, pa.int32()), year),
        "age_band": pc.if_else(pa.array(has_date | has_year), "", band),
    }


def _band(check: Checker) -> pa.Array:
    return pc.fill_null(check.choice("age_band", AGE_BANDS, hint=_NO_AGE), "")


def _refuse_wrong_band(check: Checker, born: pa.Array, band: pa.Array) -> None:
    """A band beside a year of birth must be possible, now or a few years ago."""
    code = pc.fill_null(pc.index_in(band, value_set=pa.array(AGE_BANDS)), len(AGE_BANDS) - 1)
    places = code.to_numpy(zero_copy_only=False).astype(np.int64)
    years_since = check.now.year - pc.fill_null(born, 0).to_numpy(zero_copy_only=False)
    too_young = years_since < _YOUNGEST[places]
    too_old = years_since - 1 > _OLDEST[places] + _BAND_MAY_LAG
    check.refuse(
        as_mask(born.is_valid()) & (too_young | too_old),
        "age_band",
        "age_band and the birth date or year contradict each other; keep the one that is right.",
    )
