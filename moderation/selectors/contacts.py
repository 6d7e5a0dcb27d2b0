"""What happened between a flagged account and each person around it, and how that reads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from accounts.models import Tie
from moderation.selectors.people import Person
from signals.networks import Kind, Link


class Step(StrEnum):
    """One thing that happened between the account and somebody, as the timeline marks it."""

    REQUEST = "request"
    THREAD = "thread"
    ACCEPTED = "accepted"
    REFUSED = "refused"  # rejected, blocked, or the tie ended by the other side
    REPORTED = "reported"
    WITHDRAWN = "withdrawn"
    INCOMING = "incoming"  # the other side made contact


STEP_WORDS: dict[Step, str] = {
    Step.REQUEST: "request sent",
    Step.THREAD: "message thread started",
    Step.ACCEPTED: "accepted",
    Step.REFUSED: "refused",
    Step.REPORTED: "reported the account",
    Step.WITHDRAWN: "request withdrawn",
    Step.INCOMING: "made contact themselves",
}


class Moment(NamedTuple):
    """A step with its time; ``words`` say exactly what happened."""

    at: datetime
    step: Step
    words: str


_STARTS = frozenset({Step.REQUEST, Step.THREAD})
_ANSWERS = {
    Step.ACCEPTED: Link.ACCEPTED,
    Step.REFUSED: Link.REFUSED,
    Step.REPORTED: Link.REFUSED,
}


@dataclass(slots=True)
class Contact:
    """All that happened between the flagged account and one person, in the order of time."""

    person: Person
    moments: list[Moment] = field(default_factory=list)
    tied: str = ""  # kind of a standing tie: friend, follow, family
    befriended: bool = False  # whether a friend tie stands, or stood once
    # Whether the account made contact: at all, first or later
    started_by_account: bool = field(init=False)
    # How the picture draws it: by what the other side did last about the account's contact
    link: Link = field(init=False)

    def __post_init__(self) -> None:
        # Plain attributes: of thousands of contacts a cached property costs more than its value
        started, answer = False, None
        for _, step, _ in self.moments:
            if step in _STARTS:
                started = True
            elif step in _ANSWERS:
                answer = _ANSWERS[step]
        self.started_by_account = started
        if not started:
            self.link = Link.TIE
        elif answer:
            self.link = answer
        else:
            # Where a platform delivers ties but no answers, the tie is the answer
            self.link = Link.ACCEPTED if self.tied == Tie.Kind.FRIEND else Link.WAITING

    @property
    def first_at(self) -> datetime | None:
        return self.moments[0].at if self.moments else None

    @property
    def began_with(self) -> str:
        """The first thing that happened, in words; "" for a tie without any event."""
        return self.moments[0].words if self.moments else "a tie from before"

    @property
    def accepted(self) -> bool:
        """Whether the other side ever accepted the account's contact, whatever it did later.

        A child who blocks or reports the account afterwards has still been reached by it. Where a
        platform delivers ties but no answers, a friend tie is the answer.
        """
        return self.started_by_account and (
            self.befriended
            or self.tied == Tie.Kind.FRIEND
            or any(moment.step is Step.ACCEPTED for moment in self.moments)
        )

    @property
    def course(self) -> list[tuple[datetime | None, Link]]:
        """How the picture draws it from which time on; None: from the beginning.

        Ends with ``link``. A tie without a date counts once everything that is dated has happened.
        """
        if not self.moments:
            return [(None, self.link)]
        found: list[tuple[datetime | None, Link]] = []
        started, answer, drawn = False, None, None
        for at, step, _ in self.moments:
            if step in _STARTS:
                started = True
            elif step in _ANSWERS:
                answer = _ANSWERS[step]
            link = (answer or Link.WAITING) if started else Link.TIE
            if link is not drawn:
                found.append((at, link))
                drawn = link
        if drawn is not self.link:
            found.append((self.moments[-1].at, self.link))
        return found

    def as_of(self, until: datetime) -> Contact | None:
        """What was known at ``until``; None where nothing had happened yet."""
        if not self.moments or self.moments[-1].at <= until:
            return self
        seen = [moment for moment in self.moments if moment.at <= until]
        return Contact(self.person, seen) if seen else None

    @property
    def outcome(self) -> str:
        """In words: the answer to the account's contact, or what ties the two otherwise."""
        if self.link is Link.TIE:
            return {"friend": "friends", "family": "family", "follow": "a follow"}.get(
                self.tied, "contact by the other side only"
            )
        answers = [
            m for m in self.moments if m.step in (Step.ACCEPTED, Step.REFUSED, Step.REPORTED)
        ]
        if answers:
            return answers[-1].words
        if self.tied == Tie.Kind.FRIEND:
            return "friends"
        if any(m.step is Step.WITHDRAWN for m in self.moments):
            return "no answer, withdrawn"
        if not any(m.step is Step.REQUEST for m in self.moments):
            return "none needed for a thread"
        return "no answer"

    @property
    def answered_after(self) -> timedelta | None:
        """Time from the account's first contact to the last answer."""
        answers = [m for m in self.moments if m.step in (Step.ACCEPTED, Step.REFUSED)]
        if not answers or self.first_at is None:
            return None
        return answers[-1].at - self.first_at


_CONTACTED: dict[Link, str] = {
    Link.ACCEPTED: "accepted",
    Link.REFUSED: "refused",
    Link.WAITING: "without an answer",
}
"""Links that start with a contact by the account, as the summary counts them."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many people are linked how; ``counts`` by whether a child, and by link."""

    counts: Counter[tuple[bool, Link]]

    @property
    def summary(self) -> str:
        """The network picture in two sentences."""
        children = sum(self.counts[True, link] for link in _CONTACTED)
        others = sum(self.counts[False, link] for link in _CONTACTED)
        tied_children = self.counts[True, Link.TIE]
        tied = tied_children + self.counts[False, Link.TIE]
        return (
            f"The account made contact with {_count(children, 'child', 'children')}"
            f"{self._answers()} and with {_count(others, 'other person', 'other people')}. "
            f"{_count(tied, 'person is', 'people are').capitalize()} tied to it otherwise, "
            f"{_count(tied_children, 'child', 'children')} among them."
        )

    def _answers(self) -> str:
        """How many children accepted, refused and did not answer; nothing where there are none."""
        said = [
            f"{self.counts[True, link]} {words}"
            for link, words in _CONTACTED.items()
            if self.counts[True, link]
        ]
        return f" ({', '.join(said)})" if said else ""


@dataclass(frozen=True)
class Surroundings:
    """The people around a flagged account.

    ``contacts`` begin with the children that it contacted, then others that it contacted, then
    those with another tie or contact; each part by time.
    """

    contacts: list[Contact]
    people: dict[int, Person]

    @cached_property
    def children(self) -> list[Contact]:
        """Contacts that the account made with children, by first contact."""
        return [c for c in self.contacts if c.person.kind is Kind.CHILD and c.started_by_account]

    @property
    def knows_children(self) -> bool:
        """Whether any child is around the account, contacted by it or not."""
        return any(c.person.kind is Kind.CHILD for c in self.contacts)

    def as_of(self, until: datetime) -> Surroundings:
        """What was known at ``until``: everybody's name stays, who came later is left out."""
        past = [seen for contact in self.contacts if (seen := contact.as_of(until))]
        return Surroundings(past, self.people)

    @property
    def summary(self) -> str:
        """The network picture in two sentences."""
        return Tally(Counter((c.person.kind is Kind.CHILD, c.link) for c in self.contacts)).summary

    @property
    def spread(self) -> str:
        """The timeline in a sentence."""
        dates = [c.moments[0].at for c in self.children]
        if not dates:
            return ""
        first, last = min(dates), max(dates)
        if first.date() == last.date():
            return f"First contact with {_people(self.children)}, on {first:%-d %B %Y}."
        return (
            f"First contacts with {_people(self.children)}, "
            f"from {first:%-d %B %Y} to {last:%-d %B %Y}."
        )


def _count(number: int, one: str, many: str) -> str:
    return f"{f'{number:,}' if number else 'no'} {one if number == 1 else many}"


def _people(children: list[Contact]) -> str:
    return _count(len(children), "child", "children")
