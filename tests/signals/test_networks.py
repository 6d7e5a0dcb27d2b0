"""The picture of a network: nobody covers anybody, circles stand together, always the same."""

from __future__ import annotations

import math
from itertools import combinations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.networks import (
    ALONG_RING,
    FIRST_RING,
    NODE_RADIUS,
    Kind,
    Link,
    Member,
    circles,
    ego_network,
    layout,
)

EGO = "ego"


@st.composite
def networks(draw: st.DrawFn, most: int = 320) -> nx.Graph:
    count = draw(st.integers(0, most))
    kinds = draw(st.lists(st.sampled_from(list(Kind)), min_size=count, max_size=count))
    members = [Member(n, kind, Link.WAITING) for n, kind in enumerate(kinds)]
    if count < 2:
        return ego_network(EGO, members, [])
    ends = st.integers(0, count - 1)
    return ego_network(EGO, members, draw(st.lists(st.tuples(ends, ends), max_size=3 * count)))


@given(networks())
@settings(max_examples=40)
def test_no_shape_touches_another_and_all_are_in_the_picture(graph: nx.Graph) -> None:
    picture = layout(graph, EGO)

    assert picture.positions.keys() == set(graph)
    for (one, here), (other, there) in combinations(picture.positions.items(), 2):
        # The corners of a diamond and a square reach no further than the radius of a circle
        assert math.dist(here, there) >= 2 * NODE_RADIUS, (one, other)
    for position in picture.positions.values():
        assert math.hypot(*position) + NODE_RADIUS <= picture.radius + 1e-9


@given(networks(most=60))
def test_the_same_network_gives_the_same_picture(graph: nx.Graph) -> None:
    again: nx.Graph = nx.Graph()
    again.add_nodes_from(graph.nodes(data=True))
    again.add_edges_from(graph.edges(data=True))

    assert layout(graph, EGO) == layout(again, EGO)


@pytest.mark.parametrize(("members", "rings"), [(3, 1), (20, 1), (30, 2), (300, 8)])
def test_a_picture_grows_with_its_members(members: int, rings: int) -> None:
    graph = ego_network(EGO, [Member(n, Kind.CHILD, Link.WAITING) for n in range(members)], [])

    distances = {round(math.hypot(*p), 3) for p in layout(graph, EGO).positions.values()} - {0.0}

    assert len(distances) == rings
    assert min(distances) == FIRST_RING
    assert ALONG_RING >= 2 * NODE_RADIUS


def test_those_who_know_each_other_stand_side_by_side() -> None:
    classes = [range(8), range(8, 16), range(16, 24)]
    ties = [pair for members in classes for pair in combinations(members, 2)]
    # Members arrive mixed, as contacts do
    order = sorted(range(24), key=lambda n: n % 8)
    graph = ego_network(EGO, [Member(n, Kind.CHILD, Link.WAITING) for n in order], ties)

    found = circles(graph, EGO)
    assert {frozenset(circle) for circle in found} == {frozenset(members) for members in classes}

    positions = layout(graph, EGO).positions
    for members in classes:
        angles = sorted(math.atan2(*positions[n]) % (2 * math.pi) for n in members)
        gaps = [b - a for a, b in zip(angles, [*angles[1:], angles[0] + 2 * math.pi], strict=True)]
        assert max(gaps) > math.pi, "a circle fills one slice of a third, so the rest is free"


def test_children_of_a_circle_stand_nearer_than_its_adults() -> None:
    kinds = {n: Kind.CHILD if n % 2 else Kind.ADULT for n in range(60)}
    members = [Member(n, kind, Link.TIE) for n, kind in kinds.items()]
    graph = ego_network(EGO, members, list(combinations(range(60), 2)))

    distance = {n: math.hypot(*p) for n, p in layout(graph, EGO).positions.items() if n != EGO}

    furthest_child = max(distance[n] for n, kind in kinds.items() if kind is Kind.CHILD)
    nearest_adult = min(distance[n] for n, kind in kinds.items() if kind is Kind.ADULT)
    assert furthest_child <= nearest_adult + 1e-9


def test_a_network_holds_what_was_said_and_nobody_else() -> None:
    members = [Member("a", Kind.CHILD, Link.ACCEPTED), Member("b", Kind.ADULT, Link.TIE)]

    graph = ego_network(EGO, members, [("a", "b"), ("a", "stranger"), (EGO, "a"), ("b", "b")])

    assert graph.nodes(data="kind") == {EGO: "ego", "a": Kind.CHILD, "b": Kind.ADULT}.items()
    assert {frozenset(edge): link for *edge, link in graph.edges(data="link")} == {
        frozenset({EGO, "a"}): Link.ACCEPTED,
        frozenset({EGO, "b"}): Link.TIE,
        frozenset({"a", "b"}): Link.TIE,
    }
