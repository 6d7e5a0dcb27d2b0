"""The network around one account, and where its members stand in a picture. Pure networkx.

The picture has to be read, not admired: members stand on rings around the account in the middle,
so that none covers another whatever their number, those who know each other stand side by side,
and children stand nearer to the middle than the adults of the same circle.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import StrEnum

import networkx as nx

LAYOUT = 1
"""Grows with every change of ``layout``: positions that were kept are worked out again."""
NODE_RADIUS = 11.0
"""Half the height of a member's shape, in units of the picture."""
FIRST_RING = 92.0
RING_STEP = 30.0
ALONG_RING = 27.0
"""Least distance between the middles of two members on one ring: shapes never touch."""


class Kind(StrEnum):
    """What a member of the network is, by its age when it was first contacted."""

    CHILD = "child"
    ADULT = "adult"
    UNKNOWN = "unknown"


class Link(StrEnum):
    """How the account in the middle and a member are linked, the strongest first."""

    ACCEPTED = "accepted"  # contacted by the account, and accepted
    REFUSED = "refused"  # contacted, and rejected, blocked or ended by the other side
    WAITING = "waiting"  # contacted, without an answer
    TIE = "tie"  # a tie or a contact that did not start with the account


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody around the account. ``key`` is any stable identifier, unique in the network."""

    key: Hashable
    kind: Kind
    link: Link


@dataclass(frozen=True, slots=True)
class Picture:
    """Positions with the account at (0, 0); every shape lies within ``radius`` of it."""

    positions: dict[Hashable, tuple[float, float]]
    radius: float


def ego_network(
    ego: Hashable, members: Iterable[Member], ties: Iterable[tuple[Hashable, Hashable]]
) -> nx.Graph:
    """The account, its members and the ties between members, as a graph.

    Nodes carry ``kind``, edges carry ``link`` (a ``Link``; ties between members are ``tie``).
    Ties that name anybody else are left out, and so are ties with ``ego``: what links the account
    to a member is the member's ``link``.
    """
    graph: nx.Graph = nx.Graph()
    graph.add_node(ego, kind="ego")
    for member in members:
        graph.add_node(member.key, kind=member.kind)
        graph.add_edge(ego, member.key, link=member.link)
    graph.add_edges_from(
        (a, b, {"link": Link.TIE})
        for a, b in ties
        if a != b and ego not in (a, b) and a in graph and b in graph
    )
    return graph


def circles(graph: nx.Graph, ego: Hashable) -> list[list[Hashable]]:
    """Members who know each other, as circles; those who know nobody form the last one.

    Communities of the network without the account itself, by label propagation (Cordasco and
    Gargano 2010, as networkx implements it: no chance involved). Circles with children come first,
    larger ones before smaller ones.
    """
    around = graph.subgraph([node for node in graph if node != ego])
    order = {node: place for place, node in enumerate(graph)}
    alone = [node for node in around if around.degree[node] == 0]
    tied = around.subgraph([node for node in around if around.degree[node] > 0])
    found = [
        sorted(circle, key=order.__getitem__)
        for circle in nx.community.label_propagation_communities(tied)
    ]

    def children(circle: list[Hashable]) -> int:
        return sum(graph.nodes[node]["kind"] == Kind.CHILD for node in circle)

    found.sort(key=lambda circle: (-children(circle), -len(circle), order[circle[0]]))
    alone.sort(key=lambda node: (graph.nodes[node]["kind"] != Kind.CHILD, order[node]))
    return [*found, alone] if alone else found


def layout(graph: nx.Graph, ego: Hashable) -> Picture:
    """Where each member stands. The same network always gives the same picture.

    Members take places on rings, filled evenly; places are given out in the order of their angle,
    circle by circle, so that a circle is a slice of the picture; inside its slice a circle's
    children take the inner places.
    """
    members = graph.number_of_nodes() - 1
    places = _places(members)
    positions: dict[Hashable, tuple[float, float]] = {ego: (0.0, 0.0)}
    taken = 0
    for circle in circles(graph, ego):
        slice_ = sorted(places[taken : taken + len(circle)], key=lambda p: (p[1], p[0]))
        taken += len(circle)
        inner_first = sorted(circle, key=lambda n: graph.nodes[n]["kind"] != Kind.CHILD)
        for node, (angle, ring) in zip(inner_first, slice_, strict=True):
            positions[node] = (ring * math.sin(angle), -ring * math.cos(angle))
    outermost = max((ring for _, ring in places), default=FIRST_RING)
    return Picture(positions, outermost + NODE_RADIUS)


def _places(count: int) -> list[tuple[float, float]]:
    """``count`` places as (angle, radius), by angle clockwise from the top."""
    capacities: list[int] = []
    while sum(capacities) < count:
        ring = FIRST_RING + RING_STEP * len(capacities)
        capacities.append(math.floor(2 * math.pi * ring / ALONG_RING))
    room = sum(capacities)
    places: list[tuple[float, float]] = []
    left = count
    for number, capacity in enumerate(capacities):
        # Each ring gets its share of the members, so that the outermost is no lonely remainder
        last = number == len(capacities) - 1
        share = left if last else min(left, round(count * capacity / room))
        left -= share
        ring = FIRST_RING + RING_STEP * number
        # Every other ring is turned by half a step, so that lines from the middle pass between
        turn = (number % 2) * math.pi / share if share else 0.0
        places += [(2 * math.pi * slot / share + turn, ring) for slot in range(share)]
    return sorted(places)
