"""Where regions are in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from signals.engine.zones import zone_of, zone_table

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("region", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("GB", "Europe/London"),
        ("gb", "Europe/London"),
        ("DE-BY", "Europe/Berlin"),
        ("US", "America/New_York"),
        ("north", None),
        ("Nowhere/Land", None),
        ("XX", None),
        ("", None),
    ],
)
def test_regions(region: str, zone: str | None) -> None:
    found = zone_of(region)
    if zone == "Europe/Berlin" and region == "DE-BY":
        assert ZoneInfo(found or "").utcoffset(NOW) == ZoneInfo(zone).utcoffset(NOW)
    else:
        assert found == zone


@pytest.mark.parametrize("region", ["GB", "Europe/Berlin", "IN", "AU", "America/Sao_Paulo"])
def test_offsets_are_those_of_the_time_zone_database(region: str) -> None:
    as_of = int(NOW.timestamp()) * 1_000_000
    rows = zone_table(pa.chunked_array([[region, None, "north"]]), as_of).to_pylist()
    assert {row["zone"] for row in rows} == {region}
    zone = ZoneInfo(zone_of(region) or "")
    for hours in range(0, 24 * 365 * 3, 7):
        moment = NOW - timedelta(hours=hours)
        micros = int(moment.timestamp()) * 1_000_000
        offset = [row["offset"] for row in rows if row["begins"] <= micros < row["ends"]]
        shift = moment.astimezone(zone).utcoffset()
        assert shift is not None
        assert offset == [shift // timedelta(microseconds=1)]


def test_no_known_region() -> None:
    assert zone_table(pa.chunked_array([pa.array([None, "x"], pa.string())]), 0).num_rows == 0
