"""Invented graphs in the database, written as an import would leave them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Account, Event, ImportBatch, Tie

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
"""Day 0 of every invented graph."""


def day(number: float) -> datetime:
    """``number`` days after ``START``."""
    return START + timedelta(days=number)


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
        values: dict[str, Any] = {"event_id": f"e{self._events}"}
        if isinstance(target, Event):
            values |= {"ref": target, "reference": target.event_id}
        elif target is not None:
            values["object"] = self.accounts[target]
        event = Event.objects.create(
            type=kind,
            actor=self.accounts[actor],
            published=day(on),
            batch=self.batch,
            **(values | given),
        )
        self._count("events", 1)
        return event

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
    for number in range(children):
        graph.account(f"child{number}", age=12 + number % 5)
    for number in range(adults):
        graph.account(f"adult{number}", age=25 + number % 30)
    graph.account("mallory", age=41)
    for circle, size in (("child", children), ("adult", adults)):
        for number in range(size):
            for step in (1, 2, 3):
                other = (number + step) % size
                graph.tie(f"{circle}{number}", f"{circle}{other}", since=-200)
    for circle, size in (("child", children), ("adult", adults)):
        for number in range(size):
            for step in (4, 5, 6, 11):
                target, on = f"{circle}{(number + step) % size}", number % 7 + step / 10
                offer = graph.event("Offer", f"{circle}{number}", target, on=on)
                answer = "Reject" if (number + step) % 17 == 0 else "Accept"
                graph.event(answer, target, offer, on=on + 0.5)
    for number in range(0, adults, 5):
        offer = graph.event("Offer", "mallory", f"adult{number}", on=10 + number / 10)
        graph.event("Accept", f"adult{number}", offer, on=11 + number / 10)
    for number in range(0, children, 2):
        offer = graph.event("Offer", "mallory", f"child{number}", on=20 + number / 10)
        graph.event("Reject", f"child{number}", offer, on=21 + number / 10)
        if number % 4:
            graph.event("Block", f"child{number}", "mallory", on=22 + number / 10)
    return graph
