"""Times, dates and years out of text: whole columns at once, and a good reason for what is none."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from accounts.validation.checker import Checker, as_mask

TIME: Final = pa.timestamp("us", "UTC")
_SHORTEST: Final = len("2026-02-20T18:02Z")
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2101, 1, 1, tzinfo=UTC)

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""Two clocks of one platform may disagree by so much."""

_SHAPE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d(:?\d\d)?)?", re.ASCII
)


def times(check: Checker, name: str, *, required: bool = False) -> pa.Array:
    """RFC 3339 times with an offset, as UTC in microseconds; null where there is none.

    Times after now are taken, and noted: a platform's clock is its own business.
    """
    if required:
        check.require(name)
    text = _without_empty(check.text(name))
    result = cast_or_null(text, TIME, _mended)
    bad = as_mask(text.is_valid()) & as_mask(result.is_null())
    bad |= as_mask(pc.less(pc.binary_length(text), _SHORTEST))
    check.refuse(bad, name, _why_no_time)
    out_of_range = as_mask(
        pc.or_(
            pc.less(result, pa.scalar(_EARLIEST, TIME)),
            pc.greater_equal(result, pa.scalar(_LATEST, TIME)),
        )
    )
    check.refuse(out_of_range, name, "The year must be from 1970 to 2100; correct the time.")
    latest = pc.max(result.filter(pa.array(check.ok))).as_py() if len(result) else None
    if latest is not None and latest > check.now + CLOCKS_DIFFER:
        beyond = pa.scalar(check.now + CLOCKS_DIFFER, TIME)
        check.note_future(latest, int(as_mask(pc.greater(result, beyond))[check.ok].sum()))
    return result


def dates(check: Checker, name: str) -> pa.Array:
    """Calendar dates as ``2010-05-17``; null where there is none."""
    text = _without_empty(check.text(name))
    result = cast_or_null(text, pa.date32(), lambda values: values)
    bad = as_mask(text.is_valid()) & as_mask(result.is_null())
    check.refuse(bad | as_mask(pc.not_equal(pc.binary_length(text), 10)), name, _why_no_date)
    return result


def years(check: Checker, name: str) -> pa.Array:
    """Years of four digits as 32-bit numbers; null where there is none."""
    text = _without_empty(check.text(name))
    is_year = pc.match_substring_regex(text, r"^\d{4}$")
    check.refuse(
        as_mask(text.is_valid()) & ~as_mask(is_year),
        name,
        "This is no year; write four digits, as in 2010.",
    )
    return pc.if_else(is_year, text, pa.scalar(None, pa.string())).cast(pa.int32())


def cast_or_null(values: pa.Array, kind: pa.DataType, mend: Any) -> pa.Array:
    """``values`` as ``kind``; null where that is impossible. ``mend`` rewrites odd spellings."""
    try:
        return values.cast(kind)
    except pa.ArrowInvalid:
        # Only now value by value, each distinct one once.
        encoded = values.dictionary_encode()
        distinct = _cast_halves(mend(encoded.dictionary), kind)
        return pa.concat_arrays(distinct).take(encoded.indices)


def _cast_halves(values: pa.Array, kind: pa.DataType) -> list[pa.Array]:
    """Split until each part is wholly castable or one value that is not."""
    try:
        return [values.cast(kind)]
    except pa.ArrowInvalid:
        if len(values) == 1:
            return [pa.nulls(1, kind)]
        half = len(values) // 2
        return [*_cast_halves(values[:half], kind), *_cast_halves(values[half:], kind)]


def _mended(values: pa.Array) -> pa.Array:
    """RFC 3339 allows small letters and any number of digits of a second."""
    return pc.replace_substring_regex(pc.utf8_upper(values), r"(\.\d{6})\d+", r"\1")


def _without_empty(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)


def _why_no_time(value: str) -> str:
    shape = _SHAPE.fullmatch(value)
    if shape is None:
        return "This is no time; write it like 2026-02-20T18:02:11Z."
    if not _in_calendar(shape[1]):
        return f"There is no {shape[1]} in the calendar; correct the date."
    if shape[4] is None:
        return (
            "The time has no offset from UTC; write it like 2026-02-20T18:02:11Z "
            "or 2026-02-20T18:02:11+01:00."
        )
    return "The hour, minute, second or offset is out of range; correct the time."


def _why_no_date(value: str) -> str:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        return f"There is no {value} in the calendar; correct the date."
    return "This is no date; write it like 2010-05-17."


def _in_calendar(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def as_numpy_days(values: pa.Array) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    """Dates for numpy, NaT for null."""
    days: np.ndarray[Any, np.dtype[np.datetime64]] = values.to_numpy(zero_copy_only=False)
    return days.astype("datetime64[D]")
