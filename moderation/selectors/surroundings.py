"""Who is around a flagged account: everything between the two, read in a few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from django.db.models import F, Q

from accounts.models import Account, Event, Tie
from moderation.access import visible_cases
from moderation.models import Case, Pseudonym
from moderation.selectors.contacts import STEP_WORDS, Contact, Moment, Step, Surroundings
from moderation.selectors.lookups import AnyOf
from moderation.selectors.people import Kept, ages_of, pseudonyms
from signals.networks import Kind
from staff.models import User

_NEVER = datetime.max.replace(tzinfo=UTC)
_OPENING = (Event.Type.OFFER, Event.Type.FOLLOW, Event.Type.CREATE)
_OPENED: dict[str, tuple[Step, str]] = {
    Event.Type.OFFER: (Step.REQUEST, "friend request"),
    Event.Type.FOLLOW: (Step.REQUEST, "follow"),
    Event.Type.CREATE: (Step.THREAD, STEP_WORDS[Step.THREAD]),
}
_ANSWERED: dict[str, tuple[Step, str]] = {
    Event.Type.ACCEPT: (Step.ACCEPTED, STEP_WORDS[Step.ACCEPTED]),
    Event.Type.REJECT: (Step.REFUSED, "request rejected"),
}
_DONE_TO_IT: dict[str, tuple[Step, str]] = {
    Event.Type.BLOCK: (Step.REFUSED, "blocked the account"),
    Event.Type.REMOVE: (Step.REFUSED, "ended the tie"),
    Event.Type.FLAG: (Step.REPORTED, STEP_WORDS[Step.REPORTED]),
    **dict.fromkeys(_OPENING, (Step.INCOMING, STEP_WORDS[Step.INCOMING])),
}


def around_case(case: Case) -> Surroundings:
    """Who is around the account of ``case``, by the names that it has kept. Six queries."""
    return surroundings(case.account, kept_names(case.pk))


def kept_names(case_id: int) -> dict[int, Kept]:
    """The names that a case has given for good, by account key."""
    rows = Pseudonym.objects.filter(case=case_id).values_list("account_id", "kind", "mark")
    kinds = {kind.value: kind for kind in Kind}
    return {key: Kept(kinds[kind], mark) for key, kind, mark in rows}


def surroundings(account: Account, kept: Mapping[int, Kept] | None = None) -> Surroundings:
    """Who is around ``account`` and what happened between them. Five queries.

    Names that are not ``kept`` yet follow the order in which the account's contacts were imported,
    so that a later import adds letters and moves none.
    """
    ledger = _Ledger(account.pk)
    approached = ledger.add_own()
    ledger.add_answers(approached)
    ledger.add_incoming()
    ties = ledger.add_ties()
    return _assembled(ledger.moments, ties, list(approached.values()), kept or {})


class _Ties(NamedTuple):
    """The ties of an account: the kind of each that stands, and whose friend it is or was."""

    standing: dict[int, str]
    befriended: set[int]


class _Ledger:
    """Collects what happened between one account and each other, query by query."""

    def __init__(self, ego: int) -> None:
        self.ego = ego
        self.moments: defaultdict[int, list[Moment]] = defaultdict(list)

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
            step, words = _OPENED[type_]
            self.moments[other].append(Moment(at, step, words))
        return sent_to

    def add_answers(self, sent_to: dict[int, int]) -> None:
        """What became of the account's contacts."""
        rows = (
            Event.objects.filter(ref__actor_id=self.ego, ref__type__in=_OPENING)
            .order_by("pk")
            .values_list("type", "ref_id", "actor_id", "published")
        )
        for type_, ref, actor, at in rows:
            other = sent_to.get(ref)
            if other is None:
                continue
            if actor == other and type_ in _ANSWERED:
                step, words = _ANSWERED[type_]
            elif actor == self.ego and type_ == Event.Type.UNDO:
                step, words = Step.WITHDRAWN, STEP_WORDS[Step.WITHDRAWN]
            else:
                continue
            self.moments[other].append(Moment(at, step, words))

    def add_incoming(self) -> None:
        """What others did towards the account."""
        rows = (
            Event.objects.filter(object_id=self.ego)
            .order_by("pk")
            .values_list("type", "actor_id", "published")
        )
        for type_, other, at in rows:
            if type_ in _DONE_TO_IT:
                step, words = _DONE_TO_IT[type_]
                self.moments[other].append(Moment(at, step, words))

    def add_ties(self) -> _Ties:
        """Everybody with a tie takes part, whether it stands or has ended."""
        rows = (
            Tie.objects.filter(Q(a_id=self.ego) | Q(b_id=self.ego))
            .order_by("pk")
            .values_list("a_id", "b_id", "kind", "until")
        )
        standing: dict[int, str] = {}
        befriended: set[int] = set()
        for a, b, kind, until in rows:
            other = b if a == self.ego else a
            self.moments[other]  # takes part, whatever happened
            if until is None and standing.get(other) != Tie.Kind.FAMILY:
                standing[other] = kind
            if kind == Tie.Kind.FRIEND:
                befriended.add(other)
        return _Ties(standing, befriended)


def ties_between(keys: Iterable[int]) -> list[tuple[int, int]]:
    """Standing ties among the accounts named by ``keys``, stated or made by accepted requests."""
    members = list(keys)
    stated = Tie.objects.filter(
        AnyOf(F("a_id"), members), AnyOf(F("b_id"), members), until=None
    ).values_list("a_id", "b_id")
    accepted = Event.objects.filter(
        AnyOf(F("actor_id"), members),
        AnyOf(F("ref__actor_id"), members),
        type=Event.Type.ACCEPT,
        ref__type=Event.Type.OFFER,
    ).values_list("actor_id", "ref__actor_id")
    return sorted({(min(a, b), max(a, b)) for a, b in [*stated, *accepted]})


def own_cases(user: User, keys: Iterable[int]) -> dict[int, str]:
    """The references of the latest cases of those among ``keys`` who are flagged themselves."""
    rows = visible_cases(user).filter(AnyOf(F("account_id"), list(keys))).order_by("pk")
    return dict(rows.values_list("account_id", "reference"))


def _assembled(
    moments: dict[int, list[Moment]],
    ties: _Ties,
    approached: list[int],
    kept: Mapping[int, Kept],
) -> Surroundings:
    for of_one in moments.values():
        if len(of_one) > 1:
            of_one.sort()
    ages = ages_of(moments)
    order = [key for key in dict.fromkeys([*approached, *moments]) if key in ages]
    people = pseudonyms(
        (ages[key] for key in order),
        {key: of_one[0].at if of_one else None for key, of_one in moments.items()},
        kept,
    )
    contacts = [
        Contact(people[key], moments[key], ties.standing.get(key, ""), key in ties.befriended)
        for key in order
    ]
    return Surroundings(_in_order(contacts), people)


def _in_order(contacts: list[Contact]) -> list[Contact]:
    """Children whom the account contacted, others whom it contacted, the rest; each by time."""
    child = Kind.CHILD
    children: list[Contact] = []
    others: list[Contact] = []
    rest: list[Contact] = []
    for contact in contacts:
        if not contact.started_by_account:
            rest.append(contact)
        elif contact.person.kind is child:
            children.append(contact)
        else:
            others.append(contact)
    for part in (children, others, rest):
        part.sort(key=lambda c: c.moments[0].at if c.moments else _NEVER)
    return [*children, *others, *rest]
