"""Cases with a whole story behind them: contacts, answers, ties, sentences and their rows."""

from __future__ import annotations

from datetime import date, timedelta

from django.utils import timezone

from accounts.models import Account, Tie
from audit.actors import Actor
from moderation.models import Case
from moderation.services import intake
from tests.moderation import factories


def coach(children: int = 2, **given: object) -> Case:
    """A coach of forty. One child accepted, one blocked, the others did not answer; one adult
    friend. The sentences speak for a look, against it, and say what was not assessed."""
    flagged = factories.account(
        birth_date=date(timezone.localdate().year - 40, 1, 1), role="coach", **given
    )
    first = factories.child(14, display_name="Name Of First")
    second = factories.child(11, display_name="Name Of Second")
    others = [factories.child(15, display_name=f"Name {n}") for n in range(children - 2)]
    friend = factories.account(display_name="Name Of Friend", birth_date=date(1980, 3, 4))
    accepted, blocked = factories.event(flagged, first), factories.event(flagged, second)
    later = [
        factories.event(flagged, other, at=factories.NOON + timedelta(days=3 * n + 1))
        for n, other in enumerate(others)
    ]
    factories.accept(accepted, at=factories.NOON + timedelta(hours=3))
    factories.event(second, flagged, at=factories.NOON + timedelta(hours=5), type="Block")
    factories.event(second, flagged, at=factories.NOON + timedelta(hours=6), type="Flag")
    _friends(flagged, friend)
    _friends(first, friend)
    events = [accepted, blocked, *later]
    found = factories.assessment(
        flagged,
        minors=len(events),
        contributions=[
            factories.contribution() | {"rows": len(events)},
            factories.contribution("refused", 30.0),
            _lowers(),
            _not_assessed(),
        ],
    )
    factories.evidence(found, *events)
    found.evidence.update(facts={"kind": "offer", "outcome": "accepted", "m": 0})
    return opened(flagged)


def crowd(people: int) -> Case:
    """Somebody whom the account contacted every few hours: children, adults and others, of whom
    some accepted, some refused, and every tenth knows the next."""
    flagged = factories.account(account_id="crowded")
    around: list[Account] = []
    for n in range(people):
        other = factories.child(11 + n % 6) if n % 3 else factories.account()
        offer = factories.event(flagged, other, at=factories.NOON + timedelta(hours=5 * n))
        if n % 4 == 1:
            factories.accept(offer, at=offer.published + timedelta(hours=9))
        elif n % 7 == 2:
            at = offer.published + timedelta(days=2)
            factories.event(other, flagged, at=at, type="Block")
        if around and n % 10 == 0:
            _friends(around[-1], other)
        around.append(other)
    found = factories.assessment(flagged, minors=people * 2 // 3)
    factories.evidence(found)
    return opened(flagged)


def opened(account: Account) -> Case:
    """The case that the only assessment of ``account`` opens."""
    found = account.assessments.get()
    intake.open_cases(found.run, Actor.system("worker"))
    return Case.objects.get(assessment=found)


def _friends(one: Account, other: Account) -> None:
    a, b = sorted((one, other), key=lambda account: account.pk)
    Tie.objects.create(a=a, b=b, kind="friend", batch_id=0)


def _lowers() -> dict[str, object]:
    return factories.contribution("embedded", -12.0) | {
        "direction": "lowers",
        "sentence": "9 of 20 contacts came from the children.",
    }


def _not_assessed() -> dict[str, object]:
    return factories.contribution("spread", 0.0) | {
        "direction": "not_assessed",
        "sentence": "",
        "reason": "Not enough evidence: 2 of 5 contacts.",
    }
