"""Ordinary life: the requests everybody sends, talks between friends, quarrels and grudges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from signals.simulate.base_ties import Pools
from signals.simulate.cells import Index
from signals.simulate.clock import at_local_hour
from signals.simulate.contacts import CONDUCT_CODE, Contacts, Kind, Mode, make_contacts
from signals.simulate.events import EventLog
from signals.simulate.moments import active_from, spread
from signals.simulate.population import Population
from signals.simulate.settings import DAY

YEAR = 365.25 * DAY
QUIET_SHARE = 0.45
"""Part of the requests that come at any time; the rest gathers in the account's busy days."""


def ordinary_contacts(
    rng: np.random.Generator, people: Population, start: int, end: int
) -> Contacts:
    """Requests that everybody sends between two moments.

    Numbers are Poisson around a personal rate that itself varies from season to season.
    """
    present = np.clip(end - np.maximum(people.created, start), 0, None)
    season = rng.gamma(0.8, 1 / 0.8, people.size)
    counts = rng.poisson(people.activity * season * present / YEAR)
    actor = np.repeat(np.arange(people.size, dtype=np.int32), counts)
    begin = np.maximum(people.created, start)
    busy = begin + (rng.random(people.size) * present).astype(np.int64)
    gathered = busy[actor] + (rng.normal(0, 4, actor.size) * DAY).astype(np.int64)
    any_time = begin[actor] + (rng.random(actor.size) * present[actor]).astype(np.int64)
    time = np.where(rng.random(actor.size) < QUIET_SHARE, any_time, gathered)
    time = np.clip(time, begin[actor], end - 1)
    return make_contacts(
        actor=actor,
        time=time,
        mode=_ordinary_modes(rng, people, actor, time),
        kind=np.where(rng.random(actor.size) < 0.07, int(Kind.FOLLOW), int(Kind.OFFER)),
        conduct=np.where(
            people.age_at(actor, time) < 18,
            CONDUCT_CODE["misaged_child"],
            CONDUCT_CODE["ordinary"],
        ),
    )


def _ordinary_modes(
    rng: np.random.Generator, people: Population, actor: Index, time: NDArray[np.int64]
) -> NDArray[np.int64]:
    stranger = rng.random(actor.size) < people.stranger_share[actor]
    draw = rng.random(actor.size)
    tied = np.where(draw < 0.68, int(Mode.CLOSURE), int(Mode.GROUP))
    untied = np.where(draw < 0.93, int(Mode.PEER), int(Mode.ANYONE))
    mode = np.where(stranger, untied, tied)
    to_child = rng.random(actor.size) < people.child_share[actor]
    to_child &= people.age_at(actor, time) >= 18
    # Adults rarely turn to unknown children; those they meet belong to somebody they know.
    unknown = stranger & (rng.random(actor.size) < 0.45)
    child = np.where(unknown, int(Mode.CHILD_STRANGER), int(Mode.CHILD_BY_CLOSURE))
    return np.where(to_child, child, mode)


def arrival_contacts(
    rng: np.random.Generator, people: Population, a: Index, b: Index, since: NDArray[np.int64]
) -> Contacts:
    """Friendships that come on the platform during the history: one of the two asks."""
    first_asks = rng.random(a.size) < 0.5
    actor, target = np.where(first_asks, a, b), np.where(first_asks, b, a)
    inside = since < people.settings.end_seconds
    return make_contacts(
        actor=actor[inside],
        target=target[inside],
        time=since[inside],
        mode=Mode.KNOWN,
        conduct=CONDUCT_CODE["arrival"],
    )


def talks(
    rng: np.random.Generator,
    people: Population,
    log: EventLog,
    a: Index,
    b: Index,
    until: NDArray[np.int64],
) -> None:
    """Threads between old friends."""
    chosen = rng.random(a.size) < 0.07
    a, b, until = a[chosen], b[chosen], until[chosen]
    begin = np.maximum(active_from(people, a), active_from(people, b))
    moment = at_local_hour(
        rng,
        spread(rng, begin, people.settings.end_seconds),
        people.region[a],
        people.night_share[a],
    )
    limit = np.where(until >= 0, until, people.settings.end_seconds)
    kept = (moment > begin) & (moment < limit)
    log.add("Create", a[kept], b[kept], moment[kept])


def quarrels(rng: np.random.Generator, people: Population, pools: Pools, log: EventLog) -> None:
    """Blocks and reports between people of one class or club, some mistaken, some out of spite."""
    size = round(0.09 * people.size)
    angry = rng.integers(0, people.size, size).astype(np.int32)
    other = pools.school_class.draw(rng, people.school_class[angry])
    club = pools.club.draw(rng, people.club[angry])
    near = pools.near_age(rng, people, angry, 0.3)
    other = np.select([other >= 0, club >= 0], [other, club], near).astype(np.int32)
    kept = (other >= 0) & (other != angry)
    angry, other = angry[kept], other[kept]
    begin = np.maximum(active_from(people, angry), active_from(people, other))
    moment = spread(rng, begin, people.settings.end_seconds - DAY)
    blocks = rng.random(angry.size) < 0.7
    log.add("Block", angry[blocks], other[blocks], moment[blocks])
    reports = ~blocks | (rng.random(angry.size) < 0.15)
    log.add("Flag", angry[reports], other[reports], moment[reports] + 60)


def grudges(rng: np.random.Generator, people: Population, pools: Pools, log: EventLog) -> None:
    """Children who agree to report somebody harmless: one class, within a day or two."""
    targets = people.members("false_report_target").astype(np.int32)
    seed = pools.town_children.draw(rng, people.town[targets], 1.0)
    school_class = np.where(seed >= 0, people.school_class[np.maximum(seed, 0)], -1)
    size = np.clip(rng.poisson(5.0, targets.size), 3, 14)
    target = np.repeat(targets, size)
    child = pools.school_class.draw(rng, np.repeat(school_class, size), 1.0)
    kept = (child >= 0) & (child != target)
    begin = spread(rng, active_from(people, targets), people.settings.end_seconds - 5 * DAY)
    moment = np.repeat(begin, size) + rng.integers(0, 2 * DAY, target.size)
    kept &= moment > people.created[np.maximum(child, 0)]
    target, child, moment = target[kept], child[kept], moment[kept]
    pair = np.unique(target.astype(np.int64) * people.size + child, return_index=True)[1]
    target, child, moment = target[pair], child[pair], moment[pair]
    log.add("Flag", child, target, moment)
    blocks = rng.random(child.size) < 0.4
    log.add("Block", child[blocks], target[blocks], moment[blocks] + 90)
