"""What happened between a flagged account and each person around it, and how that reads."""

from __future__ import annotations

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


@dataclass
class Contact:
    """All that happened between the flagged account and one person, in the order of time."""

    person: Person
    moments: list[Moment] = field(default_factory=list)
    tied: str = ""  # kind of a standing tie: friend, follow, family

    @cached_property
    def started_by_account(self) -> bool:
        """Whether the account made contact: at all, first or later."""
        return any(m.step in (Step.REQUEST, Step.THREAD) for m in self.moments)

    @property
    def first_at(self) -> datetime | None:
        return self.moments[0].at if self.moments else None

    @property
    def began_with(self) -> str:
        """The first thing that happened, in words; "" for a tie without any event."""
        return self.moments[0].words if self.moments else "a tie from before"

    @cached_property
    def link(self) -> Link:
        """How the picture draws it: by what the other side did last about the account's contact."""
        if not self.started_by_account:
            return Link.TIE
        for moment in reversed(self.moments):
            if moment.step is Step.ACCEPTED:
                return Link.ACCEPTED
            if moment.step in (Step.REFUSED, Step.REPORTED):
                return Link.REFUSED
        # Where a platform delivers ties but no answers, the tie is the answer
        return Link.ACCEPTED if self.tied == Tie.Kind.FRIEND else Link.WAITING

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


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The people around a flagged account.

    ``contacts`` begin with the children that it contacted, then others that it contacted, then
    those with another tie or contact; each part by time.
    """

    contacts: list[Contact]
    people: dict[int, Person]

    @property
    def children(self) -> list[Contact]:
        """Contacts that the account made with children, by first contact."""
        return [c for c in self.contacts if c.person.kind is Kind.CHILD and c.started_by_account]

    @property
    def knows_children(self) -> bool:
        """Whether any child is around the account, contacted by it or not."""
        return any(c.person.kind is Kind.CHILD for c in self.contacts)

    @property
    def summary(self) -> str:
        """The network picture in two sentences."""
        others = [
            c for c in self.contacts if c.started_by_account and c.person.kind is not Kind.CHILD
        ]
        ties = [c for c in self.contacts if not c.started_by_account]
        return (
            f"The account made contact with {_people(self.children)}"
            f"{_answers(self.children)} and with {_count(others, 'other person', 'other people')}. "
            f"{_count(ties, 'person is', 'people are').capitalize()} tied to it otherwise, "
            f"{_count([c for c in ties if c.person.kind is Kind.CHILD], 'child', 'children')} "
            "among them."
        )

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


def _count(found: list[Contact], one: str, many: str) -> str:
    return f"{len(found) or 'no'} {one if len(found) == 1 else many}"


def _people(children: list[Contact]) -> str:
    return _count(children, "child", "children")


def _answers(children: list[Contact]) -> str:
    """How many accepted, refused and did not answer; nothing where there is nobody to answer."""
    links = [contact.link for contact in children]
    said = [
        f"{links.count(link)} {words}"
        for link, words in (
            (Link.ACCEPTED, "accepted"),
            (Link.REFUSED, "refused"),
            (Link.WAITING, "without an answer"),
        )
        if link in links
    ]
    return f" ({', '.join(said)})" if said else ""
