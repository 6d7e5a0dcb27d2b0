"""How contact spread, as a row of days that the pictures of a case can be shown at.

A day shows what had happened by its end (UTC), so that an address that names a day
(``?until=2026-03-02``), a step of the slider and the table of people say the same.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property
from itertools import product

from moderation.selectors.contacts import Contact, Surroundings, Tally
from signals.networks import Kind, Link

MOST_DAYS = 60
"""Steps of the slider; of more days it takes evenly spaced ones, the first and last among them."""


def end_of(day: date) -> datetime:
    """The last moment of ``day``, in UTC."""
    return datetime.combine(day, time.max, tzinfo=UTC)


@dataclass(frozen=True)
class Replay:
    """The steps of the slider. ``until``: the day that is shown, None for all that is known."""

    around: Surroundings
    until: date | None = None

    @cached_property
    def days(self) -> list[date]:
        """Days on which something between the account and others happened, ascending."""
        found = sorted(
            {m.at.astimezone(UTC).date() for c in self.around.contacts for m in c.moments}
        )
        if len(found) <= MOST_DAYS:
            return found
        last = len(found) - 1
        return [found[step * last // (MOST_DAYS - 1)] for step in range(MOST_DAYS)]

    @cached_property
    def ends(self) -> list[datetime]:
        """The last moment of each of ``days``."""
        return [end_of(day) for day in self.days]

    @property
    def position(self) -> int:
        """The step that shows ``until``: the last day that is not after it."""
        if self.until is None:
            return len(self.days) - 1
        return max(0, bisect_right(self.days, self.until) - 1)

    @property
    def day(self) -> date | None:
        """The day that is shown."""
        return self.until or self.last_day

    @property
    def last_day(self) -> date | None:
        """The last day on which anything happened."""
        return self.days[-1] if self.days else None

    def step(self, at: datetime) -> int:
        """The first step that shows what happened ``at``."""
        return bisect_left(self.ends, at)

    def steps_of(self, contact: Contact) -> str:
        """From which step on ``contact`` is drawn how: ``0:waiting 3:accepted``."""
        shown: dict[int, str] = {}
        for at, link in contact.course:
            shown[0 if at is None else self.step(at)] = link.value
        return " ".join(f"{step}:{link}" for step, link in shown.items())

    @cached_property
    def past(self) -> Surroundings:
        """What was known by the end of ``until``."""
        return self.around if self.until is None else self.around.as_of(end_of(self.until))

    @property
    def summary(self) -> str:
        """What the picture shows on the day that is shown, in two sentences."""
        return self.words[-1] if self.until is None and self.days else self.past.summary

    @cached_property
    def words(self) -> list[str]:
        """What the picture shows at each step, in the sentences of its summary."""
        steps: list[list[tuple[bool, Link, int]]] = [[] for _ in self.days]
        ends, kind_of_child = self.ends, Kind.CHILD
        for contact in self.around.contacts if steps else ():
            child = contact.person.kind is kind_of_child
            before: Link | None = None
            for at, link in contact.course:
                here = steps[0 if at is None else bisect_left(ends, at)]
                here.append((child, link, 1))
                if before is not None:
                    here.append((child, before, -1))
                before = link
        # From zero for each: what a counter lacks costs it ten times as much
        counts = Counter(dict.fromkeys(product((True, False), Link), 0))
        said = []
        for changes in steps:
            for child, link, change in changes:
                counts[child, link] += change
            said.append(Tally(counts).summary)
        return said
