"""Invented accounts, assessments and cases for tests. People come from the shared fixtures."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import Account, Event, ImportBatch
from audit.actors import Actor
from audit.services import record
from moderation.models import Case, Delivery, Exemption
from moderation.services import age_checks, claims, decisions, escalation, intake
from signals.models import Assessment, EvidenceRow, Run, ThresholdSet
from staff.models import User

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""When invented events happen, unless a test says otherwise."""

_numbers = itertools.count(1)


def ago(**time: float) -> datetime:
    """So long before now."""
    return timezone.now() - timedelta(**time)


def batch(**given: Any) -> ImportBatch:
    """An import that ended a day ago."""
    ended = ago(days=1)
    values = {"origin": "command", "state": "done", "started_at": ended, "finished_at": ended}
    return ImportBatch.objects.create(**(values | given))


def account(**given: Any) -> Account:
    """An adult's account; ``birth_date`` and the like make it another's."""
    values = {
        "account_id": f"a{next(_numbers)}",
        "birth_date": date(1986, 5, 17),
        "batch_id": 0,
    }
    return Account.objects.create(**(values | given))


def child(age: int = 14, **given: Any) -> Account:
    """An account of somebody who is ``age`` years old at ``NOON``."""
    return account(birth_date=date(NOON.year - age, 1, 15), **given)


def event(actor: Account, target: Account, at: datetime = NOON, **given: Any) -> Event:
    """A friend request, imported a day ago."""
    values = {"type": "Offer", "batch": given.pop("batch", None) or batch()}
    return Event.objects.create(
        event_id=f"e{next(_numbers)}",
        actor=actor,
        object=target,
        published=at,
        **(values | given),
    )


def accept(offer: Event, at: datetime | None = None) -> Event:
    """The recipient's yes to ``offer``."""
    assert offer.object is not None
    return Event.objects.create(
        event_id=f"e{next(_numbers)}",
        type="Accept",
        actor=offer.object,
        ref=offer,
        reference=offer.event_id,
        published=at or offer.published,
        batch=offer.batch,
    )


def thresholds(author: User, **given: Any) -> ThresholdSet:
    """A draft of the default set: any number of them may stand side by side."""
    values: dict[str, Any] = {"version": next(_numbers), "state": "draft", "spec": {}}
    values |= {"note": "for a test", "created_by": author}
    made = ThresholdSet.objects.create(**(values | given))
    # The database takes no draft of which the trail does not tell.
    with transaction.atomic():
        record(
            actor=Actor.of_user(author),
            verb="thresholds.propose",
            target=f"thresholds:{made.version}",
        )
    return made


def run(**given: Any) -> Run:
    """A run whose assessments are stored."""
    now = timezone.now()
    values = {"trigger": "command", "state": "done", "started_at": now, "finished_at": now}
    return Run.objects.create(**(values | given))


def basis(unfinished: list[int] | None = None) -> dict[str, Any]:
    """What a run that starts now says it rests on: every event there is."""
    last = Event.objects.aggregate(last=Max("id"))["last"] or 0
    return {"graph": {"last": [0, 0, last], "unfinished": unfinished}}


def contribution(indicator: str = "no_mutuals", points: float = 46.0) -> dict[str, Any]:
    """A sentence that raises the score."""
    return {
        "indicator": indicator,
        "name": f"Name of {indicator}",
        "direction": "raises",
        "points": points,
        "sentence": "4 of 5 first contacts with under-16s had no friend in common.",
    }


def assessment(of: Account | None = None, in_run: Run | None = None, **given: Any) -> Assessment:
    """A flagged account's assessment, without evidence rows; see ``evidence``."""
    values = {
        "points": 130.0,
        "flagged": True,
        "groups": 2,
        "minors": 4,
        "stretch": "all",
        "contributions": [contribution(), contribution("refused", 30.0)],
    }
    return Assessment.objects.create(
        run=in_run or run(), account=of or account(), **(values | given)
    )


def evidence(behind: Assessment, *events: Event) -> None:
    """Let ``events`` be what ``behind`` rests on."""
    for row in events:
        EvidenceRow.objects.create(
            assessment=behind,
            indicator="no_mutuals",
            event=row,
            target=row.object,
            at=row.published,
            counted=True,
        )


def case(of: Account | None = None, **given: Any) -> Case:
    """An open case, made as the program makes it: by taking in a run's assessment."""
    found = assessment(of, **given)
    intake.open_cases(found.run, Actor.system("worker"))
    return Case.objects.get(assessment=found)


def another_case(of: Account) -> Case:
    """A case on new evidence about an account that was referred before."""
    found = assessment(of, run(basis=basis()), points=400.0)
    evidence(found, event(of, child()))
    intake.open_cases(found.run, Actor.system("worker"))
    return Case.objects.get(assessment=found)


def held(holder: User, of: Account | None = None, **given: Any) -> Case:
    """A case in review, held by ``holder``."""
    return claims.claim(actor=Actor.of_user(holder), case_id=case(of, **given).pk)


SUMMARY = "Contacted four children whom nobody around them knows."


def escalated(by: User, of: Account | None = None, *, summary: str = SUMMARY, **given: Any) -> Case:
    """A case that ``by`` escalated, saying ``summary``."""
    return escalate(by, held(by, of, **given), summary=summary)


def escalate(by: User, opened: Case, *, summary: str = SUMMARY) -> Case:
    """Let ``by`` escalate a case that ``by`` holds."""
    return escalation.escalate(
        actor=Actor.of_user(by),
        case_id=opened.pk,
        version=opened.version,
        severity="high",
        note=summary,
        ask="Please decide on a referral.",
    )


def dismissed(by: User, of: Account | None = None, **given: Any) -> Case:
    """A case that ``by`` dismissed."""
    return dismiss(by, case(of, **given))


def dismiss(by: User, opened: Case) -> Case:
    """Let ``by`` claim and dismiss an open case."""
    opened = claims.claim(actor=Actor.of_user(by), case_id=opened.pk)
    return decisions.dismiss(
        actor=Actor.of_user(by),
        case_id=opened.pk,
        version=opened.version,
        reason="ordinary_behaviour",
        note="New in town, writes to many people of every age.",
    )


def exempted(by: User, of: Account | None = None) -> Exemption:
    """What ``by`` granted by dismissing a case: a week without flags."""
    opened = held(by, of)
    decisions.dismiss(
        actor=Actor.of_user(by),
        case_id=opened.pk,
        version=opened.version,
        reason="family",
        note="Their uncle.",
        exempt_until=timezone.localdate() + timedelta(days=7),
    )
    return Exemption.objects.get(decision__case=opened)


def monitored(by: User, of: Account | None = None, *, days: int = 30, **given: Any) -> Case:
    """A case that ``by`` set aside for some days."""
    opened = held(by, of, **given)
    return decisions.monitor(
        actor=Actor.of_user(by),
        case_id=opened.pk,
        version=opened.version,
        until=timezone.localdate() + timedelta(days=days),
        note="Too little to go on yet.",
    )


def asked_for_age(by: User, of: Account | None = None, **given: Any) -> Case:
    """A case that ``by`` set aside until the platform has made sure of the account's age."""
    opened = held(by, of, **given)
    return age_checks.ask(
        actor=Actor.of_user(by),
        case_id=opened.pk,
        version=opened.version,
        until=timezone.localdate() + timedelta(days=14),
        note="The ties look like a child's.",
    )


def verify_age(opened: Case, **given: Any) -> None:
    """Let an import bring a verified age of the case's account: an adult's."""
    values = {"age_source": "verified", "birth_date": date(1986, 5, 17)} | given
    Account.objects.filter(pk=opened.account_id).update(**values)


def referred(by: User, approved_by: User, of: Account | None = None, **given: Any) -> Case:
    """A case that ``by`` escalated and ``approved_by`` referred."""
    return refer(approved_by, escalated(by, of, **given))


def refer(approved_by: User, handed_over: Case) -> Case:
    """Let ``approved_by`` refer an escalated case."""
    return escalation.refer(
        actor=Actor.of_user(approved_by),
        case_id=handed_over.pk,
        version=handed_over.version,
        note="Agreed.",
    )


def undelivered(by: User, approved_by: User, state: str = "dead") -> Delivery:
    """A filing of a referred case that could not be delivered."""
    return Delivery.objects.create(
        key=f"cybertipline:{next(_numbers)}",
        kind="cybertipline",
        referral=referred(by, approved_by).referral,
        payload={"destination": "ncmec"},
        state=state,
        last_error="The connection to NCMEC failed at submit (ConnectError).",
        next_attempt_at=timezone.now(),
        asked_by=approved_by,
        asked_at=timezone.now(),
    )
