"""What becomes of contacts: answers, threads, blocks, reports, second requests, partings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from signals.simulate.cells import Index
from signals.simulate.clock import at_local_hour
from signals.simulate.contacts import (
    CONDUCT,
    MODES_WITHOUT_TIES,
    UNSET_NIGHT,
    Contacts,
    Kind,
    Mode,
    conduct_column,
    make_contacts,
    no_contacts,
)
from signals.simulate.events import EventLog
from signals.simulate.population import YEAR, Floats, Ids, Population
from signals.simulate.settings import DAY

IGNORED_SHARE = 0.15
MEDIAN_ANSWER = 4 * 3_600.0
ANSWER_SPREAD = 2.8
"""Log-normal: nine in ten answers come within six days (log(144 h / 4 h) / 1.2816)."""
LONGEST_ANSWER = 150 * DAY
BASE_LOG_ODDS = -1.1
TIED_BONUS = 1.25
GAP_PENALTY = 1.1
WARY_GAP_YEARS = 5.0
MAX_ATTEMPTS = 3
ORDINARY_THREADS = CONDUCT["ordinary"].thread


@dataclass(frozen=True)
class Outcome:
    """What the caller must carry on: new ties, and requests that will be repeated."""

    tied: Contacts
    tied_at: Ids
    repeats: Contacts
    blocked: Contacts
    blocked_at: Ids


def _uniform(rng: np.random.Generator, chance: Floats) -> NDArray[np.bool_]:
    happens: NDArray[np.bool_] = rng.random(chance.size) < chance
    return happens


def _log_delay(rng: np.random.Generator, size: int, median_days: float, spread: float) -> Ids:
    days = np.exp(rng.normal(np.log(median_days), spread, size))
    return (np.minimum(days, 400.0) * DAY).astype(np.int64) + 60


class OutcomeModel:
    """Turns contacts with targets into events."""

    def __init__(self, people: Population, log: EventLog) -> None:
        self._people = people
        self._log = log
        self._end = people.settings.end_seconds
        names = ("warmth", "friction", "thread", "quick", "reply", "night", "retry", "loss")
        self._conduct = {name: conduct_column(name) for name in names}

    def play(self, rng: np.random.Generator, contacts: Contacts) -> Outcome:
        """Write the events of these contacts and return what follows from them."""
        offers = contacts[contacts["kind"] == Kind.OFFER]
        follows = contacts[contacts["kind"] == Kind.FOLLOW]
        creates = contacts[contacts["kind"] == Kind.CREATE]
        self._log.add("Follow", follows["actor"], follows["target"], follows["time"])
        self._log.add("Create", creates["actor"], creates["target"], creates["time"])
        self._resent(rng, creates, creates["time"], np.full(creates.size, 0.02))
        self._resent(rng, follows, follows["time"], np.full(follows.size, 0.004))
        return self._play_offers(rng, offers)

    def _figure(self, name: str, contacts: Contacts) -> Floats:
        figure: Floats = self._conduct[name][contacts["conduct"]]
        return figure

    def _wary(self, contacts: Contacts) -> NDArray[np.bool_]:
        """A child approached by a stranger who is clearly older."""
        people = self._people
        actor_age = people.age_at(contacts["actor"], contacts["time"])
        target_age = people.age_at(contacts["target"], contacts["time"])
        shown = np.where(people.poses_as[contacts["actor"]] > 0, target_age, actor_age)
        stranger = np.isin(contacts["mode"], MODES_WITHOUT_TIES)
        wary: NDArray[np.bool_] = (
            stranger & (target_age < 18) & (shown - target_age > WARY_GAP_YEARS)
        )
        return wary

    def _acceptance(self, contacts: Contacts, wary: NDArray[np.bool_]) -> Floats:
        people = self._people
        tied = ~np.isin(contacts["mode"], MODES_WITHOUT_TIES)
        log_odds = BASE_LOG_ODDS + self._figure("warmth", contacts)
        log_odds = log_odds + people.attraction[contacts["actor"]]
        log_odds += people.openness[contacts["target"]]
        log_odds += TIED_BONUS * tied - GAP_PENALTY * wary - 0.8 * (contacts["attempt"] > 1)
        chance: Floats = 1 / (1 + np.exp(-log_odds))
        return chance

    def _play_offers(self, rng: np.random.Generator, offers: Contacts) -> Outcome:
        log, end = self._log, self._end
        wary = self._wary(offers)
        ignored = rng.random(offers.size) < IGNORED_SHARE
        accepted = ~ignored & _uniform(rng, self._acceptance(offers, wary))
        delay = np.exp(rng.normal(np.log(MEDIAN_ANSWER), ANSWER_SPREAD, offers.size))
        answer_at = offers["time"] + np.minimum(delay, LONGEST_ANSWER).astype(np.int64) + 5
        in_time = answer_at < end
        offered = log.add("Offer", offers["actor"], offers["target"], offers["time"])
        yes, no = accepted & in_time, ~accepted & ~ignored & in_time
        said_yes = log.add("Accept", offers["target"][yes], offered[yes], answer_at[yes])
        log.add("Reject", offers["target"][no], offered[no], answer_at[no])
        said_ignore = ignored & in_time & (rng.random(offers.size) < 0.45)
        log.add(
            "Ignore", offers["target"][said_ignore], offered[said_ignore], answer_at[said_ignore]
        )
        self._withdraw(rng, offers, offered, ignored & ~said_ignore)
        refusal = np.select([no, ignored], [0.045, 0.02], 0.011) * np.where(wary, 2.4, 1.0)
        blocked, blocked_at = self._resent(
            rng, offers, np.where(in_time, answer_at, offers["time"]), refusal
        )
        parted = self._part(
            rng, offers[yes], offered[yes], said_yes, answer_at[yes], blocked[yes], blocked_at[yes]
        )
        self._threads(rng, offers[yes], answer_at[yes], parted)
        repeats = self._repeats(rng, offers, ~accepted & ~blocked, answer_at)
        return Outcome(offers[yes], answer_at[yes], repeats, offers[blocked], blocked_at[blocked])

    def _withdraw(
        self, rng: np.random.Generator, offers: Contacts, offered: Ids, open_: NDArray[np.bool_]
    ) -> None:
        chosen = open_ & (rng.random(offers.size) < 0.08)
        moment = offers["time"][chosen] + _log_delay(rng, int(chosen.sum()), 12.0, 1.2)
        kept = moment < self._end
        self._log.add("Undo", offers["actor"][chosen][kept], offered[chosen][kept], moment[kept])

    def _resent(
        self, rng: np.random.Generator, contacts: Contacts, answered: Ids, base: Floats
    ) -> tuple[NDArray[np.bool_], Ids]:
        """Blocks and reports by the target; returns who was blocked, and when."""
        people, log = self._people, self._log
        actor, target = contacts["actor"], contacts["target"]
        factor = people.irritation[actor] * self._figure("friction", contacts)
        chance = np.minimum(base * factor * people.block_habit[target], 0.7)
        moment = answered + _log_delay(rng, contacts.size, 0.6, 1.6)
        blocked = _uniform(rng, chance) & (moment < self._end)
        rows = log.add("Block", target[blocked], actor[blocked], moment[blocked])
        undone = rng.random(rows.size) < 0.12
        later = moment[blocked] + _log_delay(rng, rows.size, 25.0, 1.0)
        undone &= later < self._end
        log.add("Undo", target[blocked][undone], rows[undone], later[undone])
        reports = _uniform(rng, np.where(blocked, 0.22, np.minimum(0.12 * chance, 0.1)))
        told = moment + rng.integers(20, 7_200, contacts.size)
        reports &= told < self._end
        log.add("Flag", target[reports], actor[reports], told[reports])
        return blocked, moment

    def _part(
        self,
        rng: np.random.Generator,
        ties: Contacts,
        offered: Ids,
        accepted: Ids,
        since: Ids,
        blocked: NDArray[np.bool_],
        blocked_at: Ids,
    ) -> Ids:
        """End some of the new ties; returns the moment of each, or the end of the history."""
        loss = self._figure("loss", ties)
        moment = since + _log_delay(rng, ties.size, 70.0, 1.3)
        ends = (_uniform(rng, loss) & (moment < self._end)) | blocked
        moment = np.where(blocked, blocked_at + 1, moment)
        ends &= moment < self._end
        way = rng.random(ties.size)
        by_target, by_actor = ends & (way < 0.5), ends & (way >= 0.5) & (way < 0.65)
        by_name = ends & (way >= 0.65)
        self._log.add("Undo", ties["target"][by_target], accepted[by_target], moment[by_target])
        self._log.add("Undo", ties["actor"][by_actor], offered[by_actor], moment[by_actor])
        self._log.add("Remove", ties["target"][by_name], ties["actor"][by_name], moment[by_name])
        return np.where(ends, moment, self._end)

    def _threads(self, rng: np.random.Generator, ties: Contacts, since: Ids, until: Ids) -> None:
        people = self._people
        actor, target = ties["actor"], ties["target"]
        # People write less to those of another age, unless their conduct says otherwise.
        gap = np.abs(people.birth[actor] - people.birth[target]) > WARY_GAP_YEARS * YEAR
        reserve = np.where(gap & (self._figure("thread", ties) <= ORDINARY_THREADS), 0.4, 1.0)
        opens = self._figure("thread", ties) * people.thread_habit[actor] * reserve
        opens = np.minimum(opens, 0.95)
        replies = np.minimum(
            self._figure("reply", ties) * people.thread_habit[target] * np.sqrt(reserve), 0.9
        )
        draw = rng.random(ties.size)
        by_actor, by_target = draw < opens, (draw >= opens) & (draw < opens + replies)
        quick = rng.random(ties.size) < np.where(by_actor, self._figure("quick", ties), 0.3)
        soon = (rng.random(ties.size) * 20 * 3_600).astype(np.int64)
        delay = np.where(quick, soon, DAY + _log_delay(rng, ties.size, 6.0, 1.5))
        opener = np.where(by_target, target, actor).astype(np.int32)
        night = self.night_share(ties["conduct"], actor)
        night = np.where(by_target, people.night_share[target], night)
        hour = at_local_hour(rng, since + delay, people.region[opener], night)
        moment = np.where(hour > since, hour, since + 300 + soon // 20)
        happens = (by_actor | by_target) & (moment < until)
        other = np.where(by_target, actor, target)
        self._log.add("Create", opener[happens], other[happens], moment[happens])

    def night_share(self, conduct: NDArray[np.int8], actor: Index) -> Floats:
        """Share of an account's contacts made at night, by conduct or by own habit."""
        night = self._conduct["night"][conduct]
        own = self._people.night_share[actor]
        # Conduct sets the typical share; people still differ around it.
        varied = np.clip(0.6 * night + 0.4 * night * own / 0.15, 0.0, 0.9)
        return np.where(night == UNSET_NIGHT, own, varied)

    def _repeats(
        self,
        rng: np.random.Generator,
        offers: Contacts,
        refused: NDArray[np.bool_],
        answered: Ids,
    ) -> Contacts:
        again = refused & _uniform(rng, self._figure("retry", offers))
        again &= offers["attempt"] < MAX_ATTEMPTS
        if not again.any():
            return no_contacts()
        first = offers[again]
        moment = np.maximum(answered[again], first["time"]) + _log_delay(rng, first.size, 9.0, 1.2)
        return make_contacts(
            actor=first["actor"],
            target=first["target"],
            time=moment,
            mode=Mode.REPEAT,
            conduct=first["conduct"],
            attempt=first["attempt"] + 1,
        )
