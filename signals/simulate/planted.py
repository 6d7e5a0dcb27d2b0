"""What the planted accounts do: nine strategies, from reports of how grooming goes on.

All of them also lead the ordinary life that everybody leads. What is planned here comes on top:
when they turn to children, how many, and how each next one is found.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from signals.simulate.cells import Index
from signals.simulate.contacts import Contacts, Mode
from signals.simulate.moments import active_from, spread, waves
from signals.simulate.planning import Planner
from signals.simulate.population import Floats, Ids
from signals.simulate.settings import DAY
from signals.simulate.strategies import FIRST_OFFENDER


class PlantedPlanner(Planner):
    """Plans the contacts of the planted accounts of one community."""

    def campaign(
        self, people: Index, counts: Ids, shortest: float, longest: float
    ) -> tuple[Index, Ids, Ids, Ids, Ids]:
        """A stretch of activity somewhere in each account's history.

        Returns rows (account, number of its owner, place in the sequence from 0, moment in order)
        and the start of each campaign. Lengths are in days.
        """
        begin = active_from(self.people, people)
        room = np.maximum(self.end - begin, 20 * DAY)
        length = np.minimum(
            self.rng.uniform(shortest, longest, people.size) * DAY, 0.9 * room
        ).astype(np.int64)
        start = begin + (self.rng.random(people.size) * (room - length)).astype(np.int64)
        row = np.repeat(np.arange(people.size), counts)
        place = np.arange(row.size) - np.repeat(np.cumsum(counts) - counts, counts)
        moment = spread(self.rng, start[row], (start + length)[row])
        ordered = moment[np.lexsort((moment, row))]
        return people[row], row, place, ordered, start

    def modes(self, size: int, shares: dict[Mode, float]) -> NDArray[np.int64]:
        """Ways of finding a child, drawn with the given probabilities."""
        values = np.array([int(mode) for mode in shares], dtype=np.int64)
        return values[self.rng.choice(values.size, size, p=list(shares.values()))]

    def schools_near(self, people: Index) -> Ids:
        """A school for each account, mostly of its own town."""
        own = self.people.town[people]
        other = self.rng.integers(0, self.people.towns, people.size)
        town = np.where(self.rng.random(people.size) < 0.25, other, own)
        seed = self.pools.town_children.draw(self.rng, town, 1.0)
        return np.where(seed >= 0, self.people.school[np.maximum(seed, 0)], -1)

    def children_of_town(self, town: Ids, time: Ids) -> Index:
        """A child of each town who is under 17 and here at that time, -1 where none is found."""
        found = np.full(town.size, -1, dtype=np.int32)
        for _ in range(5):
            drawn = self.pools.town_children.draw(self.rng, town, 1.1)
            safe = np.maximum(drawn, 0)
            fits = (drawn >= 0) & (self.people.age_at(safe, time) < 17)
            fits &= self.people.created[safe] < time
            found = np.where((found < 0) & fits, drawn, found)
        return found

    def mass_requesters(self) -> list[Contacts]:
        """Many unknown children within days, and often a second wave."""
        people = self.members("mass_requester")
        counts = self.counts(people.size, 38, 0.45, 12, 120)
        row = np.repeat(np.arange(people.size), counts)
        time = waves(
            self.rng,
            row,
            people.size,
            active_from(self.people, people),
            self.end,
            self.rng.integers(1, 4, people.size),
            self.rng.uniform(4, 25, people.size),
        )
        mode = self.modes(
            row.size, {Mode.CHILD_STRANGER: 0.78, Mode.CHILD_BY_CLOSURE: 0.12, Mode.PEER: 0.10}
        )
        return [self.plan("mass_requester", people[row], time, mode)]

    def school_hoppers(self) -> list[Contacts]:
        """A few children of one school, through each other where that works, then the next."""
        people = self.members("school_hopper")
        counts = self.counts(people.size, 34, 0.4, 12, 80)
        actor, row, place, time, _ = self.campaign(people, counts, 150, 600)
        stages = 6
        schools = np.stack([self.schools_near(people) for _ in range(stages)], axis=1)
        a_stage = self.rng.integers(3, 7, people.size)
        stage = np.minimum(place // a_stage[row], stages - 1)
        opening = place % a_stage[row] < 2
        mode = np.where(
            opening,
            int(Mode.CHILD_IN_SCHOOL),
            self.modes(row.size, {Mode.CHILD_BY_GAINED: 0.55, Mode.CHILD_IN_SCHOOL: 0.45}),
        )
        return [self.plan("school_hopper", actor, time, mode, pool=schools[row, stage])]

    def slow_strangers(self) -> list[Contacts]:
        """Now and then an unknown child, over years."""
        people = self.members("slow_stranger")
        counts = self.counts(people.size, 18, 0.35, 8, 40)
        actor, row, _, time, _ = self.campaign(people, counts, 300, 1_000)
        mode = self.modes(
            row.size,
            {Mode.CHILD_STRANGER: 0.72, Mode.CHILD_BY_GAINED: 0.13, Mode.CHILD_BY_CLOSURE: 0.15},
        )
        return [self.plan("slow_stranger", actor, time, mode)]

    def rings(self) -> list[Contacts]:
        """Two to five accounts that turn to the same children within days of one another."""
        people = self.rng.permutation(self.members("ring"))
        if people.size == 0:
            return []
        ring = np.cumsum((self.rng.random(people.size) < 0.32).astype(np.int64))
        # Runs of accounts make rings; long runs are cut, and a lone last one joins its neighbour.
        ring = ring * 10 + _place_in_run(ring) // 5
        _, ring, size = np.unique(ring, return_inverse=True, return_counts=True)
        for lone in np.flatnonzero(size == 1):
            ring[ring == lone] = lone - 1 if lone else min(1, size.size - 1)
        _, leader = np.unique(ring, return_index=True)
        rings = leader.size
        ring = np.searchsorted(np.unique(ring), ring)
        counts = self.counts(rings, 17, 0.35, 8, 40)
        leaders = people[leader]
        actor, row, _, time, _ = self.campaign(leaders, counts, 40, 330)
        child = self.children_of_town(self.people.town[actor], time)
        member, listed = _join(ring, row, rings)
        takes_part = self.rng.random(member.size) < 0.62
        member, listed = member[takes_part], listed[takes_part]
        around = time[listed] + (self.rng.normal(0, 5.0, listed.size) * DAY).astype(np.int64)
        exists = child[listed] >= 0
        member, listed, around = member[exists], listed[exists], around[exists]
        return [self.plan("ring", people[member], around, Mode.NAMED, child[listed])]

    def posing_minors(self) -> list[Contacts]:
        """Shows the age of a child, and turns to a school or two."""
        people = self.members("posing_minor")
        counts = self.counts(people.size, 32, 0.4, 12, 75)
        actor, row, _, time, _ = self.campaign(people, counts, 40, 300)
        schools = np.stack([self.schools_near(people) for _ in range(2)], axis=1)
        pool = schools[row, self.rng.integers(0, 2, row.size)]
        mode = self.modes(
            row.size,
            {Mode.CHILD_IN_SCHOOL: 0.42, Mode.CHILD_BY_GAINED: 0.38, Mode.CHILD_STRANGER: 0.20},
        )
        return [self.plan("posing_minor", actor, time, mode, pool=pool)]

    def recontacters(self) -> list[Contacts]:
        """Asks again after a refusal, or comes back through a second account."""
        people = self.members("recontacter")
        counts = self.counts(people.size, 16, 0.35, 7, 40)
        actor, row, _, time, _ = self.campaign(people, counts, 60, 500)
        mode = self.modes(
            row.size,
            {Mode.CHILD_STRANGER: 0.65, Mode.CHILD_BY_GAINED: 0.1, Mode.CHILD_BY_CLOSURE: 0.25},
        )
        return [self.plan("recontacter", actor, time, mode)]

    def mutual_collectors(self) -> list[Contacts]:
        """One child of a school, then that child's friends, then theirs."""
        people = self.members("mutual_collector")
        counts = self.counts(people.size, 38, 0.35, 15, 80)
        actor, row, place, time, _ = self.campaign(people, counts, 120, 500)
        school = self.schools_near(people)[row]
        later = self.modes(row.size, {Mode.CHILD_BY_GAINED: 0.86, Mode.CHILD_IN_SCHOOL: 0.14})
        mode = np.where(place < 3, int(Mode.CHILD_IN_SCHOOL), later)
        return [self.plan("mutual_collector", actor, time, mode, pool=school)]

    def sleepers(self) -> list[Contacts]:
        """Years of ordinary use, then a change."""
        people = self.members("sleeper")
        counts = self.counts(people.size, 20, 0.4, 9, 50)
        begin = active_from(self.people, people)
        start = np.maximum(begin, self.end - self.rng.uniform(60, 500, people.size) * DAY)
        length = np.minimum(self.rng.uniform(40, 240, people.size) * DAY, self.end - start)
        row = np.repeat(np.arange(people.size), counts)
        opening = start.astype(np.int64)
        time = spread(self.rng, opening[row], (opening + length.astype(np.int64))[row])
        mode = self.modes(
            row.size,
            {Mode.CHILD_STRANGER: 0.62, Mode.CHILD_BY_GAINED: 0.18, Mode.CHILD_BY_CLOSURE: 0.20},
        )
        return [self.plan("sleeper", people[row], time, mode)]

    def role_abusers(self) -> list[Contacts]:
        """A teacher or coach like the others, who also takes some children aside."""
        people = self.members("role_abuser")
        as_teacher = self.rng.random(people.size) < 0.5
        owner, child = self.class_circles(
            people[as_teacher], self.rng.integers(1, 4, int(as_teacher.sum()))
        )
        team_owner, team_child = self.teams(people[~as_teacher])
        owner = np.concatenate([owner, team_owner]).astype(np.int32)
        child = np.concatenate([child, team_child]).astype(np.int32)
        time = spread(self.rng, self.both_active(owner, child), self.end)
        aside = self.rng.random(owner.size) < self._aside_chance(child, time)
        role = self.circle("teacher", owner[~aside], child[~aside], 0.15, 0.35, time[~aside])
        private = self.circle("role_abuser", owner[aside], child[aside], 0.8, 0.2, time[aside])
        counts = self.counts(people.size, 12, 0.5, 4, 35)
        actor, row, _, moment, _ = self.campaign(people, counts, 200, 900)
        mode = self.modes(
            row.size,
            {Mode.CHILD_BY_GAINED: 0.5, Mode.CHILD_BY_CLOSURE: 0.3, Mode.CHILD_STRANGER: 0.2},
        )
        return [*role, *private, self.plan("role_abuser", actor, moment, mode)]

    def _aside_chance(self, child: Index, time: Ids) -> Floats:
        age = self.people.age_at(child, time)
        chance: Floats = np.select([age < 12, age < 15, age < 18], [0.3, 0.34, 0.2], 0.0)
        return chance

    def sought(self) -> list[Contacts]:
        """Children who turn to planted accounts by themselves, as they do to anybody pleasant."""
        people = np.flatnonzero(self.people.kind >= FIRST_OFFENDER).astype(np.int32)
        owner = np.repeat(people, self.counts(people.size, 2.5, 0.8, 0, 30))
        time = spread(self.rng, active_from(self.people, owner), self.end)
        child = self.children_of_town(self.people.town[owner], time)
        owner, child, time = owner[child >= 0], child[child >= 0], time[child >= 0]
        return [self.plan("incoming", child, time, Mode.NAMED, owner)]

    def all(self) -> list[Contacts]:
        """Everything that the planted accounts plan, in a fixed order."""
        groups = (
            self.mass_requesters,
            self.school_hoppers,
            self.slow_strangers,
            self.rings,
            self.posing_minors,
            self.recontacters,
            self.mutual_collectors,
            self.sleepers,
            self.role_abusers,
            self.sought,
        )
        return [contacts for group in groups for contacts in group()]


def _place_in_run(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of each entry inside its run of equal, sorted values."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    return np.arange(values.size) - first[inverse]


def _join(
    ring: NDArray[np.int64], row_ring: NDArray[np.int64], rings: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every (member, row) of the same ring; rows are sorted by ring."""
    rows = np.bincount(row_ring, minlength=rings)
    first = np.cumsum(rows) - rows
    each = rows[ring]
    member = np.repeat(np.arange(ring.size), each)
    within = np.arange(member.size) - np.repeat(np.cumsum(each) - each, each)
    return member, first[ring[member]] + within
