"""Values as a report writes them: texts, lengths, times and ages."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final

# What XML 1.0 has no place for, not even as a reference.
_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str, longest: int | None = None) -> str:
    """``text`` as XML can hold it, cut to ``longest`` of ``length`` with an ellipsis."""
    clean = _NO_XML.sub("\ufffd", text)
    if longest is None or length(clean) <= longest:
        return clean
    kept = clean[: longest - 1]
    while length(kept) >= longest:
        kept = kept[:-1]
    return kept + "…"


def length(text: str) -> int:
    """Characters as a server in Java counts them, by UTF-16: an emoji counts twice.

    NCMEC's documentation does not say how it counts. This never counts less than any other way.
    """
    return len(text) + sum(sign > "\uffff" for sign in text)


def xml_time(value: datetime) -> str:
    """A time in UTC, to the second: ``2026-03-02T12:00:00Z``."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def age_on(day: date, born: date | None, birth_year: int | None) -> int | None:
    """Full years on ``day``, with a birthday on 1 July where only the year is known; else None."""
    if born is None and birth_year and 1 <= birth_year <= 9999:
        born = date(birth_year, 7, 1)
    if born is None:
        return None
    age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return age if 0 <= age <= 150 else None
