"""Everything between a flagged account and the people around it, one entry a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from django.db.models import Q

from accounts.models import Account, Event, Tie
from moderation.selectors.people import Person, ages_of, pseudonyms
from signals.networks import Kind, Link

_OPENING = (Event.Type.OFFER, Event.Type.FOLLOW, Event.Type.CREATE)
_HOW: dict[str, str] = {
    Event.Type.OFFER: "friend request",
    Event.Type.FOLLOW: "follow",
    Event.Type.CREATE: "message thread started",
}


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

_DETAIL: dict[str, str] = {
    Event.Type.REJECT: "request rejected",
    Event.Type.BLOCK: "blocked the account",
    Event.Type.REMOVE: "ended the tie",
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


def surroundings(account: Account) -> Surroundings:
    """Who is around ``account`` and what happened between them. Five queries.

    Pseudonyms follow the order in which the account's contacts were imported, so that a later
    import adds letters and moves none.
    """
    ledger = _Ledger(account.pk)
    approached = ledger.add_own()
    ledger.add_answers(approached)
    ledger.add_incoming()
    tied = ledger.add_ties()
    return _assembled(ledger.moments, tied, approached=list(approached.values()))


class _Ledger:
    """Collects what happened between one account and each other, query by query."""

    def __init__(self, ego: int) -> None:
        self.ego = ego
        self.moments: dict[int, list[Moment]] = {}

    def note(self, other: int, at: datetime, step: Step, words: str = "") -> None:
        self.moments.setdefault(other, []).append(Moment(at, step, words or STEP_WORDS[step]))

    def add_own(self) -> dict[int, int]:
        """The account's own contacts: whom each of these events was sent to, in import order."""
        rows = (
            Event.objects.filter(actor_id=self.ego, type__in=_OPENING, object__isnull=False)
            .exclude(object_id=self.ego)
            .order_by("pk")
            .values_list("pk", "type", "object_id", "published")
        )
        sent_to: dict[int, int] = {}
        for pk, type_, other, at in rows:
            sent_to[pk] = other
            step = Step.THREAD if type_ == Event.Type.CREATE else Step.REQUEST
            self.note(other, at, step, _HOW[type_])
        return sent_to

    def add_answers(self, sent_to: dict[int, int]) -> None:
        """What became of the account's contacts."""
        rows = (
            Event.objects.filter(ref_id__in=list(sent_to))
            .order_by("pk")
            .values_list("type", "ref_id", "actor_id", "published")
        )
        for type_, ref, actor, at in rows:
            other = sent_to[ref]
            if type_ == Event.Type.ACCEPT and actor == other:
                self.note(other, at, Step.ACCEPTED)
            elif type_ == Event.Type.REJECT and actor == other:
                self.note(other, at, Step.REFUSED, _DETAIL[type_])
            elif type_ == Event.Type.UNDO and actor == self.ego:
                self.note(other, at, Step.WITHDRAWN)

    def add_incoming(self) -> None:
        """What others did towards the account."""
        rows = (
            Event.objects.filter(object_id=self.ego)
            .order_by("pk")
            .values_list("type", "actor_id", "published")
        )
        for type_, other, at in rows:
            if type_ in (Event.Type.BLOCK, Event.Type.REMOVE):
                self.note(other, at, Step.REFUSED, _DETAIL[type_])
            elif type_ == Event.Type.FLAG:
                self.note(other, at, Step.REPORTED)
            elif type_ in _OPENING:
                self.note(other, at, Step.INCOMING)

    def add_ties(self) -> dict[int, str]:
        """Everybody with a tie takes part; the kind of each tie that stands."""
        rows = (
            Tie.objects.filter(Q(a_id=self.ego) | Q(b_id=self.ego))
            .order_by("pk")
            .values_list("a_id", "b_id", "kind", "until")
        )
        tied: dict[int, str] = {}
        for a, b, kind, until in rows:
            other = b if a == self.ego else a
            self.moments.setdefault(other, [])
            if until is None and tied.get(other) != Tie.Kind.FAMILY:
                tied[other] = kind
        return tied


def ties_between(keys: Iterable[int]) -> list[tuple[int, int]]:
    """Standing ties among the accounts named by ``keys``, stated or made by accepted requests."""
    members = list(keys)
    stated = Tie.objects.filter(a_id__in=members, b_id__in=members, until=None).values_list(
        "a_id", "b_id"
    )
    accepted = Event.objects.filter(
        type=Event.Type.ACCEPT,
        actor_id__in=members,
        ref__type=Event.Type.OFFER,
        ref__actor_id__in=members,
    ).values_list("actor_id", "ref__actor_id")
    return sorted({(min(a, b), max(a, b)) for a, b in [*stated, *accepted]})


def _assembled(
    moments: dict[int, list[Moment]], tied: dict[int, str], approached: list[int]
) -> Surroundings:
    for of_one in moments.values():
        of_one.sort()
    ages = ages_of(moments)
    order = [key for key in dict.fromkeys([*approached, *moments]) if key in ages]
    people = pseudonyms(
        (ages[key] for key in order),
        {key: of_one[0].at if of_one else None for key, of_one in moments.items()},
    )
    contacts = [Contact(people[key], moments[key], tied.get(key, "")) for key in order]
    contacts.sort(
        key=lambda c: (
            not c.started_by_account,
            c.started_by_account and c.person.kind is not Kind.CHILD,
            c.first_at is None,
            c.first_at.timestamp() if c.first_at else 0.0,
        )
    )
    return Surroundings(contacts, people)
