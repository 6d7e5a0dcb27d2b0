"""Where regions are in time: offsets from UTC by region text.

A region is read as a time zone name (``Europe/Berlin``), a country (``GB``, ISO 3166-1 alpha-2) or
a part of one (``US-CA``, which takes its country's first zone in the time zone database, where the
country has several). Anything else has no known hour.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo, available_timezones

import pyarrow as pa

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
YEARS = 12  # of history for which changes of the clock are looked up

# capitals' or most people's zones, where the database lists another first
_MAIN = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CD": "Africa/Kinshasa",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "ID": "Asia/Jakarta",
    "KZ": "Asia/Almaty",
    "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UK": "Europe/London",
    "US": "America/New_York",
}


@cache
def _countries() -> dict[str, str]:
    """The first zone of each country in the time zone database."""
    zones: dict[str, str] = {}
    text = (resources.files("tzdata") / "zoneinfo" / "zone1970.tab").read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            codes, _, zone, *_ = line.split("\t")
            for code in codes.split(","):
                zones.setdefault(code, zone)
    return zones | _MAIN


def zone_of(region: str) -> str | None:
    """The time zone of a region, or None."""
    text = region.strip()
    if "/" in text and text in available_timezones():
        return text
    country = text.replace("_", "-").split("-")[0].upper()
    return _countries().get(country) if len(country) == 2 else None


def _changes(zone: ZoneInfo, since: datetime, until: datetime) -> list[tuple[datetime, timedelta]]:
    """Instants from which an offset holds, the first at ``since``."""

    def offset(moment: datetime) -> timedelta:
        return moment.astimezone(zone).utcoffset() or timedelta()

    found = [(since, offset(since))]
    step = timedelta(days=7)
    moment = since
    while moment < until:
        later = moment + step
        if offset(later) != found[-1][1]:
            low, high = moment, later
            while high - low > HOUR / 60:
                middle = low + (high - low) / 2
                low, high = (middle, high) if offset(middle) == found[-1][1] else (low, middle)
            whole = EPOCH + (high - EPOCH) // (HOUR / 4) * (HOUR / 4)
            found.append((whole, offset(high)))
        moment = later
    return found


@cache
def _changes_of_years(name: str, first: int, last: int) -> list[tuple[datetime, timedelta]]:
    zone = ZoneInfo(name)
    return _changes(zone, datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC))


def _changes_between(
    name: str, since: datetime, until: datetime
) -> list[tuple[datetime, timedelta]]:
    """``_changes`` out of those of whole years, which every run of a year has in common."""
    found = _changes_of_years(name, since.year, until.year)
    before = [offset for begins, offset in found if begins <= since]
    return [(since, before[-1]), *(change for change in found if since < change[0] < until)]


def zone_table(regions: pa.ChunkedArray, as_of: int) -> pa.Table:
    """zone (the region's text), begins, ends (µs), offset (µs to add to UTC); known regions
    only."""
    until = EPOCH + timedelta(microseconds=min(max(as_of, 0), 4_000_000_000_000_000))
    since = until - timedelta(days=366 * YEARS)
    rows: list[tuple[str, int, int, int]] = []
    changes: dict[str, list[tuple[datetime, timedelta]]] = {}
    for region in regions.unique().to_pylist():
        name = zone_of(region) if region else None
        if name is None:
            continue
        if name not in changes:
            changes[name] = _changes_between(name, since, until)
        found = changes[name]
        for place, (begins, offset) in enumerate(found):
            ends = found[place + 1][0] if place + 1 < len(found) else until + timedelta(days=1)
            times = ((x - EPOCH) // timedelta(microseconds=1) for x in (begins, ends))
            rows.append((region, *times, offset // timedelta(microseconds=1)))
    names = ("zone", "begins", "ends", "offset")
    types = (pa.string(), pa.int64(), pa.int64(), pa.int64())
    columns = list(zip(*rows, strict=True)) or [()] * 4
    return pa.table(
        {name: pa.array(list(c), t) for name, c, t in zip(names, columns, types, strict=True)}
    )
