"""Ties, contacts, outcomes, facts, I1 and I2 from raw rows, against plain Python and networkx."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.engine.canonical import OUTCOMES
from signals.engine.derive import derive
from signals.engine.duckdb import DuckDB
from signals.engine.prepare import instant, prepare
from signals.engine.tables import EVENTS, RawGraph
from signals.indicators import no_mutuals, refused
from signals.spec import ThresholdSpec
from tests.signals.engine.graphs import at, random_graph
from tests.signals.engine.world import World

SPEC = ThresholdSpec(informative_ties=1)


def check(graph: RawGraph, as_of: int) -> None:
    world = World(graph, as_of)
    with DuckDB() as backend:
        prepared = prepare(graph, as_of)
        tables = derive(backend, prepared, SPEC, lambda stage: None)
        ids = prepared.ids
        facts = backend.fetch(tables.facts).to_pylist()
        contacts = {row["event"]: row for row in backend.fetch(tables.contacts).to_pylist()}
        found = {
            (ids[row["u"]], ids[row["v"]]): (
                row["t"],
                ("Offer", "Follow", "Create")[row["kind"]],
                OUTCOMES[contacts[row["event"]]["outcome"]],
                row["m"],
                row["m_star"],
                row["deg_u"],
                row["deg_v"],
            )
            for row in facts
        }
        assert found == {
            (c.u, c.v): (c.t, c.kind, c.outcome, c.m, c.m_star, c.deg_u, c.deg_v)
            for c in world.contacts
        }
        check_no_mutuals(tables.ask(no_mutuals.counts(tables)), world, ids)
        check_refused(tables.ask(refused.counts(tables)), world, ids)


def by_account(columns: Mapping, names: str, ids: np.ndarray, place: int) -> dict:
    values = zip(*(columns[f"{name}_{place}"] for name in names.split()), strict=True)
    rows = zip(ids[columns["account"]], values, strict=True)
    return {account: tuple(int(x) for x in row) for account, row in rows if any(row)}


def check_no_mutuals(columns: Mapping, world: World, ids: np.ndarray) -> None:
    for place, days in enumerate(SPEC.stretches):
        expected: dict = defaultdict(lambda: [0, 0])
        for c in world.toward_children(days):
            if c.deg_v >= SPEC.informative_ties:
                expected[c.u][0] += c.m == 0
                expected[c.u][1] += 1
        found = by_account(columns, "k n", ids, place)
        assert found == {u: tuple(row) for u, row in expected.items()}


def check_refused(columns: Mapping, world: World, ids: np.ndarray) -> None:
    for place, days in enumerate(SPEC.stretches):
        expected: dict = defaultdict(lambda: [0, 0, 0])
        for c in world.toward_children(days):
            if c.kind != "Create":
                bad = c.outcome in ("refused", "blocked")
                expected[c.u][0] += bad
                expected[c.u][1] += bad or c.outcome in ("accepted", "followed")
                expected[c.u][2] += c.outcome == "ignored"
        found = by_account(columns, "k n ignored", ids, place)
        assert found == {u: tuple(row) for u, row in expected.items() if any(row)}


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([5, 60, 400]), st.floats(0.3, 1.2))
def test_canonical_tables_equal_plain_python(seed: int, coarse: int, share: float) -> None:
    graph = random_graph(seed, coarse=coarse)
    check(graph, int(at(24 * 730 * share).timestamp()) * 1_000_000)


def test_todays_list_of_friends_lends_no_contact_the_friends_made_afterwards() -> None:
    """Ties without a start: 1 asks 2, and before 2 agrees asks 3, afterwards 4, friends of 2."""
    people = [{"id": i, "birth_year": 2012, "age_source": "self_declared"} for i in range(1, 6)]
    ties = [{"a": a, "b": b, "kind": "friend"} for a, b in ((1, 2), (2, 3), (2, 4), (4, 5))]
    ties += [{"a": 5, "b": 1, "kind": "friend"}]
    events = [
        {"id": 1, "type": "Offer", "actor": 1, "object": 2, "published": at(10)},
        {"id": 2, "type": "Offer", "actor": 1, "object": 3, "published": at(11)},
        {"id": 3, "type": "Accept", "actor": 2, "ref": 1, "published": at(12)},
        {"id": 4, "type": "Offer", "actor": 1, "object": 4, "published": at(13)},
        # these two had come apart before one asked again: how old the first tie was is unknown
        {"id": 5, "type": "Remove", "actor": 5, "object": 1, "published": at(14)},
        {"id": 6, "type": "Offer", "actor": 5, "object": 1, "published": at(15)},
    ]
    graph = RawGraph(
        accounts=pa.Table.from_pylist(people),
        ties=pa.Table.from_pylist(ties),
        events=pa.Table.from_pylist(events, schema=EVENTS),
    )
    as_of = int(at(20).timestamp()) * 1_000_000
    check(graph, as_of)
    with DuckDB() as backend:
        prepared = prepare(graph, as_of)
        tables = derive(backend, prepared, SPEC, lambda stage: None)
        facts = backend.fetch(tables.facts).to_pylist()
    found = {(row["u"] + 1, row["v"] + 1): row["m"] for row in facts}
    # in common with 3 nobody, as 2 had not agreed; with 4 both 2 and 5, a friend of old
    assert found == {(1, 2): 0, (1, 3): 0, (1, 4): 2, (5, 1): 0}


def test_without_an_instant_everything_counts() -> None:
    graph = random_graph(3)
    last = max(row["published"] for row in graph.events.to_pylist())
    assert instant(graph, None) == int(last.timestamp()) * 1_000_000 + 1


def test_an_instant_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        instant(random_graph(1), at(5).replace(tzinfo=None))
