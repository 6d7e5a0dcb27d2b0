"""Planning contacts: numbers of them, and the circles of children that a role brings with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from signals.simulate.base_ties import Pools
from signals.simulate.cells import Cells, Index
from signals.simulate.contacts import CONDUCT_CODE, Contacts, Kind, Mode, make_contacts
from signals.simulate.moments import active_from
from signals.simulate.population import Ids, Population


def expand(cells: Cells, chosen: Ids) -> tuple[Ids, Index]:
    """All members of the chosen cells: (row of the choice, member)."""
    size = np.where(chosen >= 0, cells.size[np.maximum(chosen, 0)], 0)
    row = np.repeat(np.arange(chosen.size), size)
    first = np.repeat(cells.start[np.maximum(chosen, 0)] - np.cumsum(size) + size, size)
    return row, cells.members[first + np.arange(row.size)]


class Planner:
    """What the planners of harmless and of planted accounts share."""

    def __init__(self, rng: np.random.Generator, people: Population, pools: Pools) -> None:
        self.rng = rng
        self.people = people
        self.pools = pools
        self.end = people.settings.end_seconds

    def members(self, name: str) -> Index:
        """Accounts of a kind."""
        return self.people.members(name).astype(np.int32)

    def counts(self, size: int, median: float, spread_: float, low: int, high: int) -> Ids:
        """Log-normal numbers of contacts, clipped."""
        drawn = np.exp(self.rng.normal(np.log(median), spread_, size))
        return np.clip(np.rint(drawn), low, high).astype(np.int64)

    def plan(
        self,
        name: str,
        actor: Index,
        time: Ids,
        mode: Mode | NDArray[np.int64],
        target: Index | int = -1,
        kind: Kind | NDArray[np.int64] = Kind.OFFER,
        pool: Ids | int = -1,
    ) -> Contacts:
        """Contacts of one conduct."""
        return make_contacts(
            actor=actor,
            target=target,
            time=time,
            mode=mode,
            kind=kind,
            pool=pool,
            conduct=CONDUCT_CODE[name],
        )

    def circle(
        self,
        name: str,
        owner: Index,
        child: Index,
        out_share: float,
        in_share: float,
        time: Ids,
        mode: Mode = Mode.KNOWN,
    ) -> list[Contacts]:
        """Contacts inside a circle while the child is under 19: some made, some received."""
        draw = self.rng.random(owner.size)
        young = self.people.age_at(child, time) < 19
        out = young & (draw < out_share)
        back = young & (draw >= out_share) & (draw < out_share + in_share)
        return [
            self.plan(name, owner[out], time[out], mode, child[out]),
            self.plan("incoming", child[back], time[back], Mode.KNOWN, owner[back]),
        ]

    def both_active(self, owner: Index, child: Index) -> Ids:
        """From when both can be in contact."""
        return np.maximum(active_from(self.people, owner), active_from(self.people, child))

    def class_circles(self, owner: Index, classes: Ids) -> tuple[Index, Index]:
        """The pupils of a few classes of a school in the owner's town."""
        slot = np.repeat(np.arange(owner.size), classes)
        town = self.people.town[owner]
        seed = self.pools.town_children.draw(self.rng, town, 1.0)
        school = np.where(seed >= 0, self.people.school[np.maximum(seed, 0)], -1)
        self.people.school[owner] = school
        pupil = self.pools.pupils.draw(self.rng, school[slot], 1.0)
        chosen = np.where(pupil >= 0, self.people.school_class[np.maximum(pupil, 0)], -1)
        row, child = expand(self.pools.school_class, chosen)
        return owner[slot[row]], child

    def teams(self, owner: Index) -> tuple[Index, Index]:
        """The young members of a club in the owner's town."""
        seed = self.pools.town_children.draw(self.rng, self.people.town[owner], 1.0)
        for _ in range(4):
            lacking = (seed < 0) | (self.people.club[np.maximum(seed, 0)] < 0)
            redrawn = self.pools.town_children.draw(self.rng, self.people.town[owner], 1.0)
            seed = np.where(lacking, redrawn, seed).astype(np.int32)
        club = np.where(seed >= 0, self.people.club[np.maximum(seed, 0)], -1)
        self.people.club[owner] = np.where(club >= 0, club, self.people.club[owner])
        row, child = expand(self.pools.club, club)
        young = self.pools.years[child] <= 20
        return owner[row[young]], child[young]
