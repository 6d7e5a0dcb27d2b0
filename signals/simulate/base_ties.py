"""Ties between people who know each other anyway: class, club, work, household, friends' friends.

Those older than the event history go to the tie file. The others become the requests that people
send when one of them joins (*arrival* contacts), since an accepted request makes the tie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from signals.simulate.cells import Cells, Index
from signals.simulate.graph import Graph, sorted_distinct
from signals.simulate.population import Ids, Population
from signals.simulate.settings import DAY

FRIEND, FOLLOW, FAMILY = 0, 1, 2
TIE_KINDS: tuple[str, ...] = ("friend", "follow", "family")
UNKNOWN_TIME = -1
AGE_BINS = 100
HOME_FRIENDS = 0.5
BLOCK = 1_000_000
"""Partners drawn at a time, to bound memory."""

LAYERS: tuple[str, ...] = (
    "class",
    "year",
    "school",
    "club",
    "work",
    "circle",
    "town",
    "anywhere",
)
LAYER_SHARES: dict[str, tuple[float, ...]] = {
    "child": (0.44, 0.12, 0.05, 0.12, 0.0, 0.13, 0.09, 0.05),
    "young": (0.22, 0.06, 0.02, 0.12, 0.18, 0.22, 0.10, 0.08),
    "adult": (0.0, 0.0, 0.0, 0.12, 0.36, 0.30, 0.12, 0.10),
}
CLOSURE_SHARE = 0.42
"""Part of the base ties that close a triangle over the others."""


@dataclass(frozen=True)
class Ties:
    """Rows of the tie file; ``UNKNOWN_TIME`` in ``since`` or ``until`` leaves the field empty."""

    a: Index
    b: Index
    kind: NDArray[np.int8]
    since: Ids
    until: Ids


class Pools:
    """Every group that partners and targets are drawn from."""

    def __init__(self, people: Population) -> None:
        everyone = np.arange(people.size, dtype=np.int32)
        weight = people.degree
        end = np.full(people.size, people.settings.end_seconds)
        years = np.clip(people.age_at(everyone, end), 0, AGE_BINS - 1).astype(np.int64)
        self.years = years
        region = people.region.astype(np.int64)
        in_school = np.where(years <= 21, people.school, -1)

        def cells(cell: Ids) -> Cells:
            return Cells(cell, everyone, weight, int(cell.max(initial=0)) + 1)

        self.school_class = cells(people.school_class)
        self.school = cells(people.school)
        self.pupils = cells(in_school)
        self.club = cells(people.club)
        self.workplace = cells(people.workplace)
        self.circle = cells(people.circle)
        self.town_age = cells(people.town * AGE_BINS + years)
        self.region_age = cells(region * AGE_BINS + years)
        self.everyone = cells(np.zeros(people.size, dtype=np.int64))
        self.town_children = cells(np.where(years <= 20, people.town, -1))
        self.household = cells(people.household)
        self.parents = cells(np.where(people.is_parent, people.household, -1))

    def near_age(
        self, rng: np.random.Generator, people: Population, account: Index, far_share: float
    ) -> Index:
        """Somebody of about the same age (homophily), mostly of the same region."""
        years = self.years[account]
        spread = np.where(years < 20, 1.1, 0.16 * years) * rng.normal(0, 1, account.size)
        spread *= np.where(rng.random(account.size) < 0.12, 3.0, 1.0)
        target = np.clip(np.rint(years + spread), 8, AGE_BINS - 1).astype(np.int64)
        town = people.town[account]
        own = self.town_age.draw(rng, town * AGE_BINS + target)
        region = people.region[account].astype(np.int64)
        wide = self.region_age.draw(rng, region * AGE_BINS + target)
        return np.where(rng.random(account.size) < far_share, wide, own).astype(np.int32)


def _layer_partners(
    rng: np.random.Generator, people: Population, pools: Pools, account: Index
) -> Index:
    years = pools.years[account]
    row = np.select([years < 18, years < 24], [0, 1], 2)
    drawn = rng.random(account.size)
    layer = np.empty(account.size, dtype=np.int64)
    for number, share in enumerate(LAYER_SHARES.values()):
        layer[row == number] = np.searchsorted(np.cumsum(share), drawn[row == number])
    partner = pools.near_age(rng, people, account, 0.25)
    groups: list[tuple[str, Cells, Ids]] = [
        ("class", pools.school_class, people.school_class),
        ("school", pools.school, people.school),
        ("club", pools.club, people.club),
        ("work", pools.workplace, people.workplace),
        ("circle", pools.circle, people.circle),
    ]
    for name, cells, group in groups:
        chosen = layer == LAYERS.index(name)
        partner[chosen] = cells.draw(rng, group[account[chosen]])
    year = layer == LAYERS.index("year")
    year_mate = pools.town_age.draw(
        rng, people.town[account[year]] * AGE_BINS + pools.years[account[year]]
    )
    partner[year] = year_mate
    anywhere = layer >= LAYERS.index("anywhere")
    partner[anywhere] = pools.near_age(rng, people, account[anywhere], 1.0)
    return partner


def _unique_pairs(a: Index, b: Index, accounts: int) -> tuple[Index, Index]:
    kept = (a != b) & (a >= 0) & (b >= 0)
    low, high = np.minimum(a[kept], b[kept]), np.maximum(a[kept], b[kept])
    keys = sorted_distinct(low.astype(np.int64) * accounts + high)
    return (keys // accounts).astype(np.int32), (keys % accounts).astype(np.int32)


def friendships(
    rng: np.random.Generator,
    people: Population,
    pools: Pools,
    acquainted: list[tuple[Index, Index]],
) -> tuple[Index, Index]:
    """Pairs that know each other in life, each once (smaller number first).

    ``acquainted`` are pairs that somebody's role brings together. Of those who share a home, half
    are friends on the platform.
    """
    half = people.degree * 0.62
    counts = np.floor(half * (1 - CLOSURE_SHARE) + rng.random(people.size)).astype(np.int64)
    account = np.repeat(np.arange(people.size, dtype=np.int32), counts)
    partner = np.concatenate(
        [
            _layer_partners(rng, people, pools, account[first : first + BLOCK])
            for first in range(0, account.size, BLOCK)
        ]
    )
    home_a, home_b = households(people)
    at_home = rng.random(home_a.size) < HOME_FRIENDS
    a, b = _unique_pairs(
        np.concatenate([account, home_a[at_home], *(pair[0] for pair in acquainted)]),
        np.concatenate([partner, home_b[at_home], *(pair[1] for pair in acquainted)]),
        people.size,
    )
    graph = Graph(people.size)
    graph.add_ties(a, b)
    graph.rebuild()
    counts = np.floor(half * CLOSURE_SHARE + rng.random(people.size)).astype(np.int64)
    account = np.repeat(np.arange(people.size, dtype=np.int32), counts)
    friend_of_friend = graph.random_friend(rng, graph.random_friend(rng, account))
    # Children are not introduced to far older people as readily as to one another.
    gap = np.abs(pools.years[account] - pools.years[np.maximum(friend_of_friend, 0)])
    near = gap <= np.where(pools.years[account] < 20, 3, 12)
    kept = near | (rng.random(account.size) < 0.15)
    return _unique_pairs(
        np.concatenate([a, account[kept]]),
        np.concatenate([b, friend_of_friend[kept]]),
        people.size,
    )


def households(people: Population) -> tuple[Index, Index]:
    """Pairs that live together."""
    at_home = np.flatnonzero(people.household >= 0)
    at_home = at_home[np.argsort(people.household[at_home], kind="stable")].astype(np.int32)
    home = people.household[at_home]
    a: list[Index] = []
    b: list[Index] = []
    for step in range(1, 5):
        same = home[step:] == home[:-step]
        a.append(at_home[:-step][same])
        b.append(at_home[step:][same])
    return _unique_pairs(np.concatenate(a), np.concatenate(b), people.size)


def split_by_time(
    rng: np.random.Generator, people: Population, a: Index, b: Index
) -> tuple[Ids, NDArray[np.bool_]]:
    """When each friendship came on the platform, and whether that was before the event history."""
    joined = np.maximum(people.created[a], people.created[b])
    start, end = people.settings.start_seconds, people.settings.end_seconds
    old = joined < start - 2 * DAY
    room = np.maximum(start - joined, 1)
    before = joined + (rng.random(a.size) ** 1.5 * room * 0.98).astype(np.int64)
    delay = np.exp(rng.normal(np.log(20.0), 1.6, a.size)) * DAY
    after = joined + np.minimum(delay, float(2 * (end - start))).astype(np.int64) + 600
    return np.where(old, before, np.maximum(after, start)), old


def tie_rows(rng: np.random.Generator, people: Population, a: Index, b: Index, since: Ids) -> Ties:
    """Rows for old friendships: some without a known start, a few that have ended."""
    end = people.settings.end_seconds
    ended = rng.random(a.size) < 0.04
    until = since + (rng.random(a.size) * (end - since)).astype(np.int64)
    return Ties(
        a=a,
        b=b,
        kind=np.zeros(a.size, dtype=np.int8),
        since=np.where(rng.random(a.size) < 0.15, UNKNOWN_TIME, since),
        until=np.where(ended & (until > since), until, UNKNOWN_TIME),
    )


def family_rows(rng: np.random.Generator, people: Population, a: Index, b: Index) -> Ties:
    """Rows for recorded family: a third of the pairs that live together."""
    recorded = rng.random(a.size) < 0.35
    a, b = a[recorded], b[recorded]
    joined = np.maximum(people.created[a], people.created[b])
    empty = np.full(a.size, UNKNOWN_TIME, dtype=np.int64)
    return Ties(
        a=a,
        b=b,
        kind=np.full(a.size, FAMILY, dtype=np.int8),
        since=np.where(rng.random(a.size) < 0.5, joined, UNKNOWN_TIME),
        until=empty,
    )
