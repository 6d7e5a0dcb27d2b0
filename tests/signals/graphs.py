"""Invented graphs in the database, written as an import would leave them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Account, Event, ImportBatch, Tie
from signals.models import ThresholdSet
from signals.spec import KEYS, ThresholdSpec

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
"""Day 0 of every invented graph."""


def day(number: float) -> datetime:
    """``number`` days after ``START``."""
    return START + timedelta(days=number)


def two_indicators(**given: Any) -> ThresholdSet:
    """Version 1 with ``no_mutuals`` and ``refused`` alone, either of which is enough.

    A run then takes a fraction of the time, which is what tests of its life want. ``given``: other
    settings of the set.
    """
    spec = replace(ThresholdSpec(), **({"open_at": 10.0, "min_groups": 1} | given))
    for key in set(KEYS) - {"no_mutuals", "refused"}:
        spec = spec.with_indicator(key, enabled=False)
    return _first_version(spec)


def low_threshold() -> ThresholdSet:
    """Version 1 as it comes, but cases open at 100 points: few people say less about each other."""
    return _first_version(replace(ThresholdSpec(), open_at=100.0))


def _first_version(spec: ThresholdSpec) -> ThresholdSet:
    return ThresholdSet.objects.create(
        version=1,
        state="active",
        spec=spec.to_dict(),
        note="For tests.",
        activated_at=timezone.now(),
    )


class Graph:
    """Accounts by name; everything else refers to them by that name.

    Each row counts as accepted by one import, as the real import keeps count.
    """

    def __init__(self) -> None:
        now = timezone.now()
        self.batch = ImportBatch.objects.create(
            origin="command", state="done", started_at=now, finished_at=now
        )
        self.accounts: dict[str, Account] = {}
        self._events = 0

    def account(self, name: str, age: int | None = 34, **given: Any) -> Account:
        """An account whose age on day 0 is ``age``; None: unknown."""
        born = None if age is None else date(START.year - age, 1, 2)
        values = {"account_id": name, "birth_date": born, "batch": self.batch}
        self.accounts[name] = made = Account.objects.create(**(values | given))
        self._count("accounts", 1)
        return made

    def tie(self, a: str, b: str, kind: str = "friend", **given: Any) -> Tie:
        """``since`` and ``until`` as days."""
        ends = sorted((self.accounts[a].pk, self.accounts[b].pk))
        if kind == "follow":
            ends = [self.accounts[a].pk, self.accounts[b].pk]
        times = {name: None if when is None else day(when) for name, when in given.items()}
        tie = Tie.objects.create(a_id=ends[0], b_id=ends[1], kind=kind, batch=self.batch, **times)
        self._count("ties", 1)
        return tie

    def event(
        self, kind: str, actor: str, target: str | Event | None = None, *, on: float, **given: Any
    ) -> Event:
        """``target``: an account's name, or the event that an outcome names."""
        self._events += 1
        values: dict[str, Any] = {"event_id": f"e{self._events}", "batch": self.batch}
        if isinstance(target, Event):
            values |= {"ref": target, "reference": target.event_id}
        elif target is not None:
            values["object"] = self.accounts[target]
        event = Event.objects.create(
            type=kind,
            actor=self.accounts[actor],
            published=day(on),
            **(values | given),
        )
        self._count("events", 1)
        return event

    # -- many at once ----------------------------------------------------------------------

    def circle(self, name: str, ages: list[int]) -> None:
        """Accounts ``name0``, ``name1`` … in a ring, each a friend of the next three."""
        made = Account.objects.bulk_create(
            Account(
                account_id=f"{name}{number}",
                birth_date=date(START.year - age, 1, 2),
                batch=self.batch,
            )
            for number, age in enumerate(ages)
        )
        self.accounts |= {account.account_id: account for account in made}
        pairs = {
            tuple(sorted((made[number].pk, made[(number + step) % len(made)].pk)))
            for number in range(len(made))
            for step in (1, 2, 3)
        }
        ties = [
            Tie(a_id=a, b_id=b, kind="friend", since=day(-200), batch=self.batch) for a, b in pairs
        ]
        Tie.objects.bulk_create(ties)
        self._count("accounts", len(made))
        self._count("ties", len(ties))

    def requests(self, *asked: tuple[str, str, float, str]) -> None:
        """Friend requests: actor, target, day, and the answer half a day later."""
        offers = Event.objects.bulk_create(
            self._event("Offer", self.accounts[actor], on, object=self.accounts[target])
            for actor, target, on, _ in asked
        )
        Event.objects.bulk_create(
            self._event(
                answer, self.accounts[target], on + 0.5, ref=offer, reference=offer.event_id
            )
            for offer, (_, target, on, answer) in zip(offers, asked, strict=True)
        )
        self._count("events", 2 * len(offers))

    def _event(self, kind: str, actor: Account, on: float, **given: Any) -> Event:
        self._events += 1
        return Event(
            event_id=f"e{self._events}",
            type=kind,
            actor=actor,
            published=day(on),
            batch=self.batch,
            **given,
        )

    def _count(self, what: str, rows: int) -> None:
        name = f"accepted_{what}"
        setattr(self.batch, name, getattr(self.batch, name) + rows)
        self.batch.save(update_fields=[name])


def school(children: int = 30, adults: int = 60) -> Graph:
    """Two friendly circles with ordinary contacts inside them, and one account that stands out.

    Everybody asks three friends of friends and one stranger; nearly all accept. ``mallory`` asks
    15 children whom nobody around it knows; they refuse, and every second one blocks it too, while
    adults accept what it asks.
    """
    graph = Graph()
    graph.circle("child", [12 + number % 5 for number in range(children)])
    graph.circle("adult", [25 + number % 30 for number in range(adults)])
    graph.account("mallory", age=41)
    for circle, size in (("child", children), ("adult", adults)):
        graph.requests(
            *(
                (
                    f"{circle}{number}",
                    f"{circle}{(number + step) % size}",
                    number % 7 + step / 10,
                    "Accept" if (number + step) % 17 else "Reject",
                )
                for number in range(size)
                for step in (4, 5, 6, 11)
            )
        )
    graph.requests(
        *(
            ("mallory", f"adult{number}", 10 + number / 10, "Accept")
            for number in range(0, adults, 5)
        ),
        *(
            ("mallory", f"child{number}", 20 + number / 10, "Reject")
            for number in range(0, children, 2)
        ),
    )
    for number in range(2, children, 4):
        graph.event("Block", f"child{number}", "mallory", on=22 + number / 10)
    return graph
