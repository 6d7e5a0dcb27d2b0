"""The small parts: columns of bytes, cells, pairs, hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from signals.simulate.cells import Cells
from signals.simulate.clock import at_local_hour, is_night, utc_offset
from signals.simulate.graph import Graph, contains, first_of_each
from signals.simulate.text import csv_lines, moments, numbers, plain, texts

seconds = st.integers(946_684_800, 2_871_763_199)  # 2000 to 2060
pairs = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda p: p[0] != p[1]))


@given(st.lists(seconds, min_size=1, max_size=20))
def test_moments_read_as_the_library_writes_them(values: list[int]) -> None:
    column = moments(np.array([*values, -1]))
    expected = [
        datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for value in values
    ]
    assert plain(column) == [*expected, ""]


@given(st.lists(st.text(alphabet="aZ é9Ł", max_size=6), min_size=1, max_size=10))
def test_lines_join_texts_of_any_width(values: list[str]) -> None:
    count = np.arange(len(values))
    written = csv_lines([numbers("n", count, 3), texts(np.array(values))]).decode()
    assert written == "".join(f"n{n:03d},{value}\n" for n, value in zip(count, values, strict=True))


@given(st.lists(seconds, min_size=1))
def test_summer_time_is_that_of_the_time_zone_database(values: list[int]) -> None:
    moment = np.array(values)
    for region, name in ((0, "Europe/London"), (1, "Europe/Berlin"), (2, "Europe/Helsinki")):
        found = utc_offset(moment, np.full(moment.size, region, dtype=np.int8))
        zone = ZoneInfo(name)
        for value, offset in zip(values, found, strict=True):
            # the database of a future machine may know of rules that are not law yet
            if value < 1_800_000_000:
                local = datetime.fromtimestamp(value, zone)
                assert local.utcoffset() == timedelta(seconds=int(offset))


@given(seconds, st.integers(0, 9))
def test_night_shares_of_none_and_all(value: int, region: int) -> None:
    size = 50
    where = np.full(size, region, dtype=np.int8)
    moment = np.full(size, value)
    for share in (0.0, 1.0):
        placed = at_local_hour(np.random.default_rng(1), moment, where, np.full(size, share))
        # on the two nights that clocks change, an hour may fall on the other side of six
        offset = utc_offset(placed - placed % 86_400, where)
        local = (placed + offset) % 86_400
        night = (local >= 22 * 3_600) | (local < 6 * 3_600)
        assert night.all() if share else not night.any()
        assert (np.abs(placed - moment) < 2 * 86_400).all()
    assert is_night(np.array([1_767_225_600]), np.array([0], dtype=np.int8)).all()


@given(st.lists(st.integers(-1, 4), min_size=1, max_size=40), st.integers(0, 5))
def test_cells_draw_members_of_the_cell(groups: list[int], wanted: int) -> None:
    cell = np.array(groups)
    members = np.arange(cell.size, dtype=np.int32)
    cells = Cells(cell, members, np.ones(cell.size), 5)
    drawn = cells.draw(np.random.default_rng(0), np.full(30, wanted))
    inside = set(np.flatnonzero(cell == wanted).tolist())
    assert set(drawn.tolist()) <= (inside or {-1})


@given(pairs, pairs, pairs)
def test_a_graph_knows_its_pairs_before_and_after_a_rebuild(
    first: list[tuple[int, int]], later: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    graph = Graph(10)

    def columns(of: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
        array = np.array(of, dtype=np.int32).reshape(-1, 2)
        return array[:, 0], array[:, 1]

    graph.add_known(*columns(first))
    graph.rebuild()
    graph.add_known(*columns(later))
    known = {frozenset(pair) for pair in [*first, *later]}
    expected = [frozenset(pair) in known for pair in asked]
    assert graph.is_known(*columns(asked)).tolist() == expected
    graph.rebuild()
    assert graph.is_known(*columns(asked)).tolist() == expected


@given(pairs)
def test_random_friends_are_friends(ties: list[tuple[int, int]]) -> None:
    graph = Graph(10)
    array = np.array(ties, dtype=np.int32).reshape(-1, 2)
    graph.add_ties(array[:, 0], array[:, 1])
    graph.rebuild()
    account = np.arange(-1, 10, dtype=np.int32)
    for mine, friend in zip(
        account, graph.random_friend(np.random.default_rng(2), account), strict=True
    ):
        friends = {b for a, b in ties if a == mine} | {a for a, b in ties if b == mine}
        assert friend in (friends or {-1})


@given(st.lists(st.integers(0, 9)))
def test_first_of_each_and_contains(values: list[int]) -> None:
    keys = np.array(values, dtype=np.int64)
    seen = set(values)
    expected = sorted(values.index(value) for value in seen)
    assert first_of_each(keys).tolist() == expected
    haystack = np.unique(keys)
    needles = np.arange(12)
    assert contains(haystack, needles).tolist() == [needle in seen for needle in range(12)]
