"""What the hard negatives do: harmless accounts that resemble, in one way, something else.

Every method returns planned contacts. A circle is the list of children that somebody has to do with
by role: pupils, a team, nephews and nieces. Part of it is approached, part comes by itself.
"""

from __future__ import annotations

import numpy as np

from signals.simulate.base_ties import AGE_BINS, Pools
from signals.simulate.cells import Index
from signals.simulate.contacts import Contacts, Kind, Mode
from signals.simulate.moments import active_from, school_year, spread, waves
from signals.simulate.planning import Planner, expand
from signals.simulate.population import Population
from signals.simulate.settings import DAY

TERM_START, SPRING = 248.0, 95.0
"""Days of the year that school years and holiday-camp recruiting begin."""


class HarmlessPlanner(Planner):
    """Plans the contacts of the hard negatives of one community.

    ``kin``: relatives and the children of their family; ``acquainted``: friendships in life that a
    role brings with it. Both are filled by planning.
    """

    def __init__(self, rng: np.random.Generator, people: Population, pools: Pools) -> None:
        super().__init__(rng, people, pools)
        self.kin: tuple[Index, Index] = (np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32))
        self.acquainted: list[tuple[Index, Index]] = []

    def teachers(self) -> list[Contacts]:
        """Some pupils are asked, more come by themselves, around the start of the school year."""
        people = self.members("teacher")
        owner, child = self.class_circles(people, self.rng.integers(1, 5, people.size))
        time = school_year(self.rng, self.both_active(owner, child), self.end, TERM_START, 30)
        return self.circle("teacher", owner, child, 0.2, 0.35, time)

    def coaches(self) -> list[Contacts]:
        """A team: asked into a group, evenings, with threads about fixtures."""
        owner, child = self.teams(self.members("coach"))
        time = school_year(self.rng, self.both_active(owner, child), self.end, TERM_START, 60)
        return self.circle("coach", owner, child, 0.32, 0.4, time)

    def camp_staff(self) -> list[Contacts]:
        """Recruiting for camps and courses, in spring: teenagers and young adults of many schools.

        Most are unknown, some are friends of those who came last year, and some ask by themselves.
        """
        people = self.members("camp_staff")
        self.people.preferred_age[people] = 16.4
        owner = np.repeat(people, self.counts(people.size, 34, 0.5, 10, 110))
        time = school_year(self.rng, active_from(self.people, owner), self.end, SPRING, 12)
        target = self.pools.town_age.draw(
            self.rng, self.people.town[owner] * AGE_BINS + self.rng.integers(18, 23, owner.size)
        )
        modes = np.array([Mode.CHILD_STRANGER, Mode.CHILD_BY_CLOSURE, Mode.NAMED], dtype=np.int64)
        mode = modes[self.rng.choice(3, owner.size, p=[0.38, 0.2, 0.42])]
        asking = self.rng.random(owner.size) < 0.3
        child = self.pools.town_age.draw(
            self.rng, self.people.town[owner] * AGE_BINS + self.rng.integers(15, 19, owner.size)
        )
        asking &= child >= 0
        return [
            self.plan("camp_staff", owner[~asking], time[~asking], mode[~asking], target[~asking]),
            self.plan("incoming", child[asking], time[asking], Mode.NAMED, owner[asking]),
        ]

    def tutors(self) -> list[Contacts]:
        """Pupils of several schools, one by one, in private; some grown up, all arranged before.

        The parents of half the children are friends of the tutor by then.
        """
        people = self.members("tutor")
        owner = np.repeat(people, self.counts(people.size, 11, 0.45, 4, 34))
        child = self.pools.town_children.draw(self.rng, self.people.town[owner], 1.0)
        owner, child = owner[child >= 0], child[child >= 0]
        grown = self.rng.random(owner.size) < 0.3
        student = self.pools.town_age.draw(
            self.rng, self.people.town[owner] * AGE_BINS + self.rng.integers(19, 30, owner.size)
        )
        self._meet_parents(owner, child, 0.5)
        time = spread(self.rng, self.both_active(owner, child), self.end)
        taught = grown & (student >= 0)
        return [
            *self.circle("tutor", owner[~grown], child[~grown], 0.5, 0.5, time[~grown]),
            self.plan("tutor", owner[taught], time[taught], Mode.KNOWN, student[taught]),
        ]

    def _meet_parents(self, owner: Index, child: Index, share: float) -> None:
        """Note friendships of the owner with a parent of the child, for the ties in life."""
        parent = self.pools.parents.draw(self.rng, self.people.household[child], 1.0)
        met = (parent >= 0) & (self.rng.random(owner.size) < share) & (parent != owner)
        self.acquainted.append((owner[met], parent[met]))

    def older_peers(self) -> list[Contacts]:
        """Eighteen to twenty, in a circle of sixteen and seventeen year-olds."""
        people = self.members("older_peer")
        owner = np.repeat(people, self.counts(people.size, 26, 0.45, 8, 80))
        years = self.pools.years[owner] - self.rng.integers(1, 4, owner.size)
        child = self.pools.town_age.draw(self.rng, self.people.town[owner] * AGE_BINS + years, 1.2)
        owner, child = owner[child >= 0], child[child >= 0]
        time = spread(self.rng, self.both_active(owner, child), self.end)
        closure = self.rng.random(owner.size) < 0.4
        return [
            *self.circle("older_peer", owner[~closure], child[~closure], 0.5, 0.45, time[~closure]),
            self.plan("older_peer", owner[closure], time[closure], Mode.CHILD_BY_CLOSURE),
        ]

    def creators(self) -> list[Contacts]:
        """Followed and written to by many young people; answers some of them."""
        people = self.members("creator")
        owner = np.repeat(people, self.counts(people.size, 130, 0.8, 30, 1_500))
        years = np.clip(np.rint(self.rng.normal(16, 4, owner.size)), 9, 40).astype(np.int64)
        fan = self.pools.region_age.draw(
            self.rng, self.people.region[owner].astype(np.int64) * AGE_BINS + years, 1.0
        )
        owner, fan = owner[fan >= 0], fan[fan >= 0]
        time = spread(self.rng, self.both_active(owner, fan), self.end)
        way = self.rng.random(owner.size)
        writes = way > 0.86
        kind = np.where(writes, int(Kind.CREATE), int(Kind.FOLLOW))
        answers = way < 0.10
        later = time + self.rng.integers(2 * DAY, 20 * DAY, owner.size)
        both = np.where(way < 0.05, int(Kind.FOLLOW), int(Kind.CREATE))
        reply = self.plan(
            "creator", owner[answers], later[answers], Mode.REPEAT, fan[answers], both[answers]
        )
        return [self.plan("incoming", fan, time, Mode.NAMED, owner, kind), reply]

    def spammers(self) -> list[Contacts]:
        """Asks everybody, whatever the age, and is refused by everybody."""
        people = self.members("spammer")
        count = self.counts(people.size, 110, 0.5, 40, 400)
        row = np.repeat(np.arange(people.size), count)
        time = waves(
            self.rng,
            row,
            people.size,
            active_from(self.people, people),
            self.end,
            self.rng.integers(1, 5, people.size),
            self.rng.uniform(1, 12, people.size),
        )
        return [self.plan("spammer", people[row], time, Mode.ANYONE)]

    def friend_collectors(self) -> list[Contacts]:
        """Likes to have many friends, known or not."""
        people = self.members("friend_collector")
        owner = np.repeat(people, self.counts(people.size, 85, 0.5, 30, 320))
        time = spread(self.rng, active_from(self.people, owner), self.end)
        modes = np.array([Mode.PEER, Mode.ANYONE, Mode.CLOSURE], dtype=np.int64)
        mode = modes[self.rng.choice(3, owner.size, p=[0.5, 0.25, 0.25])]
        return [self.plan("friend_collector", owner, time, mode)]

    def newcomers(self) -> list[Contacts]:
        """New in town and on the platform: nobody is a friend of a friend yet."""
        people = self.members("newcomer")
        owner = np.repeat(people, self.counts(people.size, 18, 0.45, 6, 60))
        delay = self.rng.exponential(25.0, owner.size) * DAY
        time = active_from(self.people, owner) + delay.astype(np.int64)
        modes = np.array([Mode.PEER, Mode.GROUP, Mode.CLOSURE], dtype=np.int64)
        mode = modes[self.rng.choice(3, owner.size, p=[0.55, 0.25, 0.2])]
        return [self.plan("newcomer", owner, time, mode)]

    def school_accounts(self) -> list[Contacts]:
        """A school's own account: connects to its pupils by day, writes to few."""
        people = self.members("school_account")
        seed = self.pools.town_children.draw(self.rng, self.people.town[people], 1.0)
        school = np.where(seed >= 0, self.people.school[np.maximum(seed, 0)], -1)
        self.people.school[people] = school
        row, child = expand(self.pools.pupils, school)
        owner = people[row]
        time = school_year(self.rng, self.both_active(owner, child), self.end, TERM_START, 20)
        return self.circle("school_account", owner, child, 0.3, 0.4, time)

    def false_report_targets(self) -> list[Contacts]:
        """Ordinary adults with some young contacts; what others do to them is in ``grudges``."""
        people = self.members("false_report_target")
        owner = np.repeat(people, self.counts(people.size, 7, 0.5, 3, 25))
        time = spread(self.rng, active_from(self.people, owner), self.end)
        return [self.plan("false_report_target", owner, time, Mode.CHILD_BY_CLOSURE)]

    def relatives(self) -> list[Contacts]:
        """Nephews and nieces, godchildren, cousins: known for life, often no friend in common."""
        people = self.members("relative")
        slot = np.repeat(np.arange(people.size), self.rng.integers(1, 4, people.size))
        seed = self.pools.town_children.draw(self.rng, self.people.town[people[slot]], 1.0)
        home = np.where(seed >= 0, self.people.household[np.maximum(seed, 0)], -1)
        row, child = expand(self.pools.household, home)
        young = self.pools.years[child] <= 20
        owner, child = people[slot[row[young]]], child[young]
        self.kin = owner, child
        self._meet_parents(owner, child, 0.6)
        joined = self.both_active(owner, child)
        delay = self.rng.exponential(120.0, owner.size) * DAY
        return self.circle("relative", owner, child, 0.65, 0.2, joined + delay.astype(np.int64))

    def all(self) -> list[Contacts]:
        """Everything that the hard negatives plan, in a fixed order."""
        groups = (
            self.teachers,
            self.coaches,
            self.camp_staff,
            self.tutors,
            self.relatives,
            self.older_peers,
            self.creators,
            self.spammers,
            self.friend_collectors,
            self.newcomers,
            self.school_accounts,
            self.false_report_targets,
        )
        return [contacts for group in groups for contacts in group()]
