"""Find the target of each contact at the time it is made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from signals.simulate.base_ties import Pools
from signals.simulate.cells import Index
from signals.simulate.contacts import MODES_WITH_TARGET, NOBODY, Contacts, Mode
from signals.simulate.graph import Graph, first_of_each
from signals.simulate.population import Population

ADULT_AGE = 18.0
TRIES = 4
"""Candidates looked at for a child of the wanted age."""


class Gained:
    """Children that planted accounts have been accepted by, as they came."""

    def __init__(self, accounts: int) -> None:
        self._accounts = accounts
        self._actor = np.empty(0, dtype=np.int32)
        self._child = np.empty(0, dtype=np.int32)

    def add(self, actor: Index, child: Index) -> None:
        """Note new acceptances."""
        actors = np.concatenate([self._actor, actor])
        order = np.argsort(actors, kind="stable")
        self._actor = actors[order]
        self._child = np.concatenate([self._child, child])[order]

    def draw(self, rng: np.random.Generator, actor: Index) -> Index:
        """One of each account's gained children, ``NOBODY`` where there is none yet."""
        position = rng.random(actor.size)
        low = np.searchsorted(self._actor, actor, side="left")
        count = np.searchsorted(self._actor, actor, side="right") - low
        if self._child.size == 0:
            return np.full(actor.size, NOBODY, dtype=np.int32)
        place = low + np.minimum((position * count).astype(np.int64), np.maximum(count - 1, 0))
        place = np.minimum(place, self._child.size - 1)
        return np.where(count > 0, self._child[place], NOBODY).astype(np.int32)


class TargetFinder:
    """Draws targets by mode, from the groups and from the graph as it stands."""

    def __init__(self, people: Population, pools: Pools, graph: Graph, gained: Gained) -> None:
        self._people = people
        self._pools = pools
        self._graph = graph
        self._gained = gained

    def find(self, rng: np.random.Generator, contacts: Contacts) -> Contacts:
        """Contacts with a target; those that find none, or somebody known already, fall out."""
        found = contacts.copy()
        for mode in Mode:
            if mode in MODES_WITH_TARGET:
                continue
            chosen = np.flatnonzero(found["mode"] == mode)
            if chosen.size:
                found["target"][chosen] = self._draw(rng, mode, found[chosen])
        return found[self._possible(found)]

    def _possible(self, contacts: Contacts) -> NDArray[np.bool_]:
        people = self._people
        actor, target, time = contacts["actor"], contacts["target"], contacts["time"]
        possible = (target != NOBODY) & (target != actor)
        safe = np.maximum(target, 0)
        possible &= (time > people.created[actor]) & (time > people.created[safe])
        settings = people.settings
        possible &= (time >= settings.start_seconds) & (time < settings.end_seconds)
        repeat = contacts["mode"] == Mode.REPEAT
        checked = np.flatnonzero(possible & ~repeat)
        new = ~self._graph.is_known(actor[checked], target[checked])
        checked = checked[new]
        checked = checked[first_of_each(self._graph.pair(actor[checked], target[checked]))]
        kept: NDArray[np.bool_] = possible & repeat
        kept[checked] = True
        return kept

    def _draw(self, rng: np.random.Generator, mode: Mode, contacts: Contacts) -> Index:
        actor = contacts["actor"]
        if mode is Mode.CLOSURE:
            return self._friend_of_friend(rng, contacts)
        if mode is Mode.GROUP:
            return self._group_member(rng, actor)
        if mode is Mode.PEER:
            return self._pools.near_age(rng, self._people, actor, 0.35)
        if mode is Mode.ANYONE:
            return self._pools.everyone.draw(rng, np.zeros(actor.size, dtype=np.int64), 1.1)
        return self._child(rng, mode, contacts)

    def _child(self, rng: np.random.Generator, mode: Mode, contacts: Contacts) -> Index:
        """Of a few candidates, the child nearest to the preferred age (with some chance in it)."""
        source = {
            Mode.CHILD_BY_CLOSURE: self._friend_of_friend,
            Mode.CHILD_BY_GAINED: self._friend_of_gained,
            Mode.CHILD_IN_SCHOOL: self._pupil,
            Mode.CHILD_STRANGER: self._town_child,
        }[mode]
        actor, time = contacts["actor"], contacts["time"]
        people = self._people
        best = np.full(contacts.size, NOBODY, dtype=np.int32)
        distance = np.full(contacts.size, np.inf)
        for _ in range(TRIES):
            drawn = source(rng, contacts)
            age = people.age_at(np.maximum(drawn, 0), time)
            far = np.abs(age - people.preferred_age[actor]) + rng.exponential(2.0, actor.size)
            child = (drawn != NOBODY) & (age < ADULT_AGE) & (drawn != actor)
            child &= people.created[np.maximum(drawn, 0)] < time
            better = child & (far < distance)
            best[better] = drawn[better]
            distance[better] = far[better]
        return best

    def _friend_of_friend(self, rng: np.random.Generator, contacts: Contacts) -> Index:
        return self._graph.random_friend(rng, self._graph.random_friend(rng, contacts["actor"]))

    def _friend_of_gained(self, rng: np.random.Generator, contacts: Contacts) -> Index:
        return self._graph.random_friend(rng, self._gained.draw(rng, contacts["actor"]))

    def _group_member(self, rng: np.random.Generator, actor: Index) -> Index:
        people, pools = self._people, self._pools
        drawn = pools.school_class.draw(rng, people.school_class[actor])
        work = pools.workplace.draw(rng, people.workplace[actor])
        club = pools.club.draw(rng, people.club[actor])
        circle = pools.circle.draw(rng, people.circle[actor])
        drawn = np.where(drawn == NOBODY, work, drawn)
        drawn = np.where((drawn == NOBODY) | (rng.random(actor.size) < 0.25), circle, drawn)
        use_club = (club != NOBODY) & ((rng.random(actor.size) < 0.3) | (drawn == NOBODY))
        return np.where(use_club, club, drawn).astype(np.int32)

    def _pupil(self, rng: np.random.Generator, contacts: Contacts) -> Index:
        return self._pools.pupils.draw(rng, contacts["pool"].astype(np.int64), 1.1)

    def _town_child(self, rng: np.random.Generator, contacts: Contacts) -> Index:
        people = self._people
        own = people.town[contacts["actor"]]
        other = rng.integers(0, people.towns, own.size)
        town = np.where(rng.random(own.size) < 0.3, other, own)
        return self._pools.town_children.draw(rng, town, 1.1)
