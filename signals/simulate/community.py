"""Let a synthetic community live through its history, month by month."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from signals.simulate.base_ties import (
    Pools,
    Ties,
    family_rows,
    friendships,
    households,
    split_by_time,
    tie_rows,
)
from signals.simulate.clock import at_local_hour
from signals.simulate.contacts import (
    CONDUCT_CODE,
    Contacts,
    Mode,
    in_time_order,
    make_contacts,
)
from signals.simulate.events import EventLog, Events
from signals.simulate.everyday import arrival_contacts, grudges, ordinary_contacts, quarrels, talks
from signals.simulate.graph import Graph
from signals.simulate.harmless import HarmlessPlanner
from signals.simulate.outcomes import Outcome, OutcomeModel
from signals.simulate.planted import PlantedPlanner
from signals.simulate.population import Ids, Population, make_population
from signals.simulate.records import Records, make_records
from signals.simulate.settings import DAY, SimulationSettings
from signals.simulate.strategies import FIRST_OFFENDER
from signals.simulate.targets import Gained, TargetFinder

Progress = Callable[[str, int, int], None]
ROUNDS = 36
"""Steps of the history: about a month each in three years."""
REBUILD_ROUNDS = 3
LARGE = 200_000
"""Above this many accounts, friends of friends are refreshed every third month only."""


@dataclass(frozen=True)
class Community:
    """A finished community: what the platform has on record, ties, events and the truth."""

    people: Population
    records: Records
    ties: Ties
    events: Events


class _History:
    """The state that the rounds carry on."""

    def __init__(self, rng: np.random.Generator, people: Population, pools: Pools) -> None:
        self.people = people
        self.rng = rng
        self.log = EventLog()
        self.graph = Graph(people.size)
        self.gained = Gained(people.size)
        self.finder = TargetFinder(people, pools, self.graph, self.gained)
        self.outcomes = OutcomeModel(people, self.log)
        settings = people.settings
        self.bounds = np.linspace(settings.start_seconds, settings.end_seconds, ROUNDS + 1).astype(
            np.int64
        )
        self.calendar: list[list[Contacts]] = [[] for _ in range(ROUNDS)]

    def plan(self, planned: list[Contacts], earliest: int = 0) -> None:
        """Enter contacts into the rounds of their times, none before round ``earliest``."""
        for contacts in planned:
            number = np.searchsorted(self.bounds, contacts["time"], side="right") - 1
            number = np.clip(number, earliest, ROUNDS)
            ordered = contacts[np.argsort(number.astype(np.int8), kind="stable")]
            ends = np.cumsum(np.bincount(number, minlength=ROUNDS + 1))
            for place in range(ROUNDS):
                part = ordered[ends[place - 1] if place else 0 : ends[place]]
                if part.size:
                    self.calendar[place].append(part)

    def step(self, number: int) -> None:
        """Play everything that happens in one round."""
        start, end = int(self.bounds[number]), int(self.bounds[number + 1])
        due, self.calendar[number] = self.calendar[number], []
        everyday = ordinary_contacts(self.rng, self.people, start, end)
        contacts = in_time_order(np.concatenate([*due, everyday]))
        contacts["time"] = self._at_their_hour(contacts)
        contacts = self.finder.find(self.rng, in_time_order(contacts))
        outcome = self.outcomes.play(self.rng, contacts)
        self._carry_on(contacts, outcome, number)

    def _at_their_hour(self, contacts: Contacts) -> Ids:
        people = self.people
        actor = contacts["actor"]
        night = self.outcomes.night_share(contacts["conduct"], actor)
        placed = at_local_hour(self.rng, contacts["time"], people.region[actor], night)
        # An answer keeps its order after what it answers; so does a request on the first day.
        keep = (contacts["mode"] == Mode.REPEAT) | (placed <= people.created[actor])
        return np.where(keep, contacts["time"], placed)

    def _carry_on(self, contacts: Contacts, outcome: Outcome, number: int) -> None:
        people = self.people
        self.graph.add_known(contacts["actor"], contacts["target"])
        tied = outcome.tied
        self.graph.add_ties(tied["actor"], tied["target"])
        age = people.age_at(tied["target"], outcome.tied_at)
        planted = (people.kind[tied["actor"]] >= FIRST_OFFENDER) & (age < 18)
        self.gained.add(tied["actor"][planted], tied["target"][planted])
        follow_up = [outcome.repeats, self._by_second_account(outcome)]
        # What falls into the round just played is made up for in the next, at its own time.
        self.plan(follow_up, earliest=number + 1)

    def _by_second_account(self, outcome: Outcome) -> Contacts:
        """Blocked children are approached again from the second account of the same person."""
        blocked = outcome.blocked
        twin = self.people.twin[blocked["actor"]]
        chosen = (twin >= 0) & (blocked["conduct"] == CONDUCT_CODE["recontacter"])
        delay = self.rng.exponential(4.0, blocked.size) * DAY
        later = outcome.blocked_at + delay.astype(np.int64) + 600
        return make_contacts(
            actor=twin[chosen],
            target=blocked["target"][chosen],
            time=later[chosen],
            mode=Mode.NAMED,
            conduct=CONDUCT_CODE["recontacter"],
        )


def _base(
    rng: np.random.Generator, people: Population, pools: Pools, harmless: HarmlessPlanner
) -> tuple[Ties, Contacts, Ties]:
    """Old ties, arrival contacts, and the family part of the old ties."""
    a, b = friendships(rng, people, pools, harmless.acquainted)
    since, old = split_by_time(rng, people, a, b)
    rows = tie_rows(rng, people, a[old], b[old], since[old])
    arrivals = arrival_contacts(rng, people, a[~old], b[~old], since[~old])
    home_a, home_b = households(people)
    kin_a, kin_b = np.minimum(*harmless.kin), np.maximum(*harmless.kin)
    family = family_rows(
        rng, people, np.concatenate([home_a, kin_a]), np.concatenate([home_b, kin_b])
    )
    return rows, arrivals, family


def _joined(first: Ties, second: Ties) -> Ties:
    return Ties(
        **{
            column.name: np.concatenate([getattr(first, column.name), getattr(second, column.name)])
            for column in fields(Ties)
        }
    )


def simulate(settings: SimulationSettings, progress: Progress | None = None) -> Community:
    """Build a community. Equal settings give an equal community.

    ``progress`` is called with a stage, the steps done and the steps in all. Parts draw from
    separate random streams, so that a change in one leaves the others alone.
    """
    seeds = np.random.SeedSequence(settings.seed).spawn(7)
    streams = [np.random.Generator(np.random.PCG64(seed)) for seed in seeds]
    people = make_population(streams[0], settings)
    pools = Pools(people)
    harmless = HarmlessPlanner(streams[1], people, pools)
    planned = harmless.all()
    planned += PlantedPlanner(streams[2], people, pools).all()
    rows, arrivals, family = _base(streams[3], people, pools, harmless)
    history = _History(streams[4], people, pools)
    history.graph.add_ties(rows.a, rows.b)
    history.graph.add_known(rows.a, rows.b)
    history.graph.rebuild()
    history.plan([arrivals, *planned])
    del arrivals, planned
    every = REBUILD_ROUNDS if settings.accounts > LARGE else 1
    for number in range(ROUNDS):
        history.step(number)
        if (number + 1) % every == 0:
            history.graph.rebuild()
        if progress:
            progress("history", number + 1, ROUNDS)
    talks(streams[5], people, history.log, rows.a, rows.b, rows.until)
    quarrels(streams[5], people, pools, history.log)
    grudges(streams[5], people, pools, history.log)
    records = make_records(streams[6], people)
    return Community(people, records, _joined(rows, family), history.log.freeze())
