"""Contact facts against networkx, on random graphs and on a real one."""

from __future__ import annotations

import csv
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.engine import facts as engine
from tests.signals.engine import oracle
from tests.support.samples import sample

times = st.integers(0, 12)
accounts = st.integers(0, 7)
pairs = st.tuples(accounts, accounts).filter(lambda pair: pair[0] != pair[1])


@st.composite
def ties(draw: st.DrawFn) -> oracle.Tie:
    a, b = draw(pairs)
    start = draw(st.none() | times)
    end = draw(st.none() | times)
    init = draw(st.none() | times)
    by_a = draw(st.booleans())
    return oracle.Tie(
        a,
        b,
        oracle.ALWAYS if start is None else start,
        oracle.STILL if end is None else end,
        init if by_a else None,
        None if by_a else init,
    )


def index_of(graph: list[oracle.Tie], size: int = 9) -> engine.TieIndex:
    def column(values: list[float | None], missing: int) -> np.ndarray:
        bad = (None, oracle.ALWAYS, oracle.STILL)
        return np.array([missing if x in bad else int(x) for x in values], np.int64)

    return engine.build_index(
        size,
        np.array([tie.a for tie in graph], np.int64),
        np.array([tie.b for tie in graph], np.int64),
        column([tie.start for tie in graph], engine.ALWAYS),
        column([tie.end for tie in graph], engine.STILL),
        column([tie.init_a for tie in graph], engine.NEVER),
        column([tie.init_b for tie in graph], engine.NEVER),
    )


def as_rows(found: engine.Facts) -> list[tuple]:
    first = [
        {engine.STILL: oracle.STILL, engine.ALWAYS: oracle.ALWAYS}.get(x, x)
        for x in found.first_mutual.tolist()
    ]
    counts = (found.m, found.m_star, found.m_final, found.deg_u, found.deg_v)
    return list(zip(*(values.tolist() for values in counts), first, strict=True))


def check(
    graph: list[oracle.Tie], contacts: list[tuple[int, int, int]], as_of: int, organic: int
) -> None:
    u, v, t = (np.array(column, np.int64) for column in zip(*contacts, strict=True))
    found = engine.contact_facts(index_of(graph), u, v, t, as_of=as_of, organic=organic)
    plain = oracle.build(graph)
    assert as_rows(found) == [oracle.facts(plain, *contact, as_of, organic) for contact in contacts]


contacts_of_all = st.lists(st.tuples(pairs, times), min_size=1, max_size=30).map(
    lambda rows: [(u, v, t) for (u, v), t in rows]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(ties(), max_size=40), contacts_of_all, times, st.integers(0, 5))
def test_facts_equal_networkx_on_any_graph(
    graph: list[oracle.Tie], contacts: list[tuple[int, int, int]], as_of: int, organic: int
) -> None:
    check(graph, contacts, as_of, organic)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(ties(), max_size=40, unique_by=lambda tie: frozenset((tie.a, tie.b))), contacts_of_all
)
def test_facts_equal_networkx_without_parallel_ties(
    graph: list[oracle.Tie], contacts: list[tuple[int, int, int]]
) -> None:
    check(graph, contacts, 9, 2)


@settings(max_examples=50, deadline=None)
@given(st.integers(20, 200), st.integers(0, 2**32 - 1), st.booleans())
def test_a_hub_is_looked_up_and_gives_the_same(size: int, seed: int, parallel: bool) -> None:
    """The hub's row is far longer than the others': the other way through the kernel."""
    rng = np.random.default_rng(seed)
    hub = [oracle.Tie(0, x, int(rng.integers(0, 10))) for x in range(2, size)]
    others = [
        oracle.Tie(1, int(x), int(rng.integers(0, 10)), int(rng.integers(5, 20)), init_a=3)
        for x in rng.integers(2, size, 3)
    ]
    ties_ = hub + others + (hub[:5] if parallel else [])
    contacts = [(1, 0, 8), (0, 1, 8), (2, 0, 8), (0, 2, 8), (1, 2, 8)]
    u, v, t = (np.array(column) for column in zip(*contacts, strict=True))
    found = engine.contact_facts(index_of(ties_, size), u, v, t, as_of=9, organic=4)
    plain = oracle.build(ties_)
    assert as_rows(found) == [oracle.facts(plain, *contact, 9, 4) for contact in contacts]


def test_intervals_are_open_at_both_ends() -> None:
    graph = [oracle.Tie(0, 2, 5, 9), oracle.Tie(1, 2)]
    check(graph, [(0, 1, t) for t in range(4, 11)], 9, 0)
    u, v, t = np.zeros(3, int), np.ones(3, int), np.array([5, 6, 9])
    assert engine.contact_facts(index_of(graph), u, v, t).m.tolist() == [0, 1, 0]


def test_touching_intervals_leave_the_instant_between_them() -> None:
    graph = [oracle.Tie(0, 2, 1, 5), oracle.Tie(2, 0, 5, 9), oracle.Tie(0, 2, 4, 5)]
    found = engine.contact_facts(
        index_of(graph), np.zeros(3, int), np.ones(3, int), np.array([4, 5, 6])
    )
    assert found.deg_u.tolist() == [1, 0, 1]


def test_self_loops_and_strangers_to_the_index_are_refused() -> None:
    index = index_of([oracle.Tie(0, 1)])
    with pytest.raises(ValueError, match="with itself"):
        engine.build_index(3, np.array([1]), np.array([1]))
    with pytest.raises(ValueError, match="with itself"):
        engine.contact_facts(index, np.array([2]), np.array([2]), np.array([1]))
    for wrong in (-1, 9):
        with pytest.raises(ValueError, match="outside"):
            engine.contact_facts(index, np.array([0]), np.array([wrong]), np.array([1]))


def test_no_ties_and_no_contacts() -> None:
    none = np.array([], np.int64)
    index = engine.build_index(4, none, none)
    assert engine.contact_facts(index, none, none, none).m.tolist() == []
    found = engine.contact_facts(index, np.array([1]), np.array([2]), np.array([7]))
    assert as_rows(found) == [(0, 0, 0, 0, 0, oracle.STILL)]
    assert engine.build_index(0, none, none).accounts == 0


def test_collegemsg_reference_figures() -> None:
    names: dict[str, int] = {}
    offers, accepts = {}, {}
    with sample("collegemsg/events.csv").open() as file:
        for row in csv.DictReader(file):
            at = int(datetime.fromisoformat(row["published"]).timestamp() * 1_000_000)
            if row["type"] == "Offer":
                one, other = (names.setdefault(row[x], len(names)) for x in ("actor", "object"))
                offers[row["event_id"]] = (one, other, at)
            else:
                accepts[row["object"]] = at
    u, v, t = (np.array(column) for column in zip(*offers.values(), strict=True))
    answered = [offers[name] for name in accepts]
    index = engine.build_index(
        len(names),
        np.array([a for a, _, _ in answered]),
        np.array([b for _, b, _ in answered]),
        np.array(list(accepts.values())),
    )
    found = engine.contact_facts(index, u, v, t)
    assert len(u) == 13_838
    assert len(accepts) == 6_458
    assert (found.m == 0).sum() == 11_884
    assert (found.m_final == 0).sum() == 8_319
    for ties_, share in ((5, 60.1), (20, 22.5)):
        both = (found.deg_u >= ties_) & (found.deg_v >= ties_)
        assert round(100 * float((found.m[both] == 0).mean()), 1) == share
