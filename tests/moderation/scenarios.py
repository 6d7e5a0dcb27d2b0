"""Every service of this floor, made ready to be called once: who may, on what, with which words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

from django.db import connection
from django.test import override_settings
from django.utils import timezone

from audit.actors import Actor
from audit.checkpoints import make_checkpoint
from moderation.models import Case, Delivery, Referral, SecondLook, Shift
from moderation.services import (
    age_checks,
    bulk_decisions,
    care,
    claims,
    decisions,
    erasure,
    escalation,
    exemptions,
    filing,
    holds,
    intake,
    outbox,
    packages,
    pseudonyms,
    referrals,
    retention,
    reveals,
    second_looks,
    terms,
    undo,
    upkeep,
)
from staff.capabilities import Role
from staff.models import User
from tests.moderation import factories

CASEWORKERS = frozenset({Role.MODERATOR, Role.SUPERVISOR})
SYSTEM = "system"
ERASERS = frozenset({Role.ADMIN, SYSTEM})
SENDERS = frozenset({Role.SUPERVISOR, SYSTEM})


@dataclass(frozen=True)
class Scenario:
    """``prepare(who, somebody_else)`` makes the call's arguments ready for ``who`` to use."""

    service: Callable[..., Any]
    allowed: frozenset[str]
    prepare: Callable[[User, User], dict[str, Any]]


def _open(_who: User, _other: User) -> dict[str, Any]:
    return {"case_id": factories.case().pk}


def _queue(_who: User, _other: User) -> dict[str, Any]:
    factories.case()
    return {}


def _held(who: User, _other: User) -> dict[str, Any]:
    return {"case_id": _hold_as(who).pk}


def _in_a_shift(who: User, _other: User) -> dict[str, Any]:
    _hold_as(who)
    return {}


def _in_an_old_shift(who: User, _other: User) -> dict[str, Any]:
    _hold_as(who)
    Shift.objects.update(began_at=factories.ago(days=31))
    return {}


def _revealed(who: User, _other: User) -> dict[str, Any]:
    with _as_moderator(who):
        case = factories.held(who)
        reveals.reveal(actor=Actor.of_user(who), case_id=case.pk, reason="check_age")
    return {"case_id": case.pk}


def _deciding(**words: Any) -> Callable[[User, User], dict[str, Any]]:
    def prepare(who: User, _other: User) -> dict[str, Any]:
        case = _hold_as(who)
        return {"case_id": case.pk, "version": case.version, **words}

    return prepare


def _exempted(_who: User, other: User) -> dict[str, Any]:
    return {"exemption_id": factories.exempted(other).pk, "reason": "Left the club."}


def _looked_at(_who: User, other: User) -> dict[str, Any]:
    decision = factories.dismissed(other).decisions.get()
    SecondLook.objects.create(decision=decision, chosen_at=timezone.now())
    return {}


def _looking(who: User, other: User) -> dict[str, Any]:
    _looked_at(who, other)
    look = SecondLook.objects.get()
    look.by, look.started_at = who, timezone.now()
    look.save()
    return {"look_id": look.pk}


def _decided(who: User, _other: User) -> dict[str, Any]:
    role, who.role = who.role, Role.MODERATOR
    active, who.is_active = who.is_active, True
    try:
        case = factories.dismissed(who)
    finally:
        who.role, who.is_active = role, active
    return {"case_id": case.pk, "version": case.version}


def _to_erase(_who: User, other: User) -> dict[str, Any]:
    of = factories.account()
    factories.dismissed(other, of)
    return {"account_id": of.account_id, "reason": "person_asked"}


def _expired(_who: User, other: User) -> dict[str, Any]:
    case = factories.dismissed(other)
    Case.objects.filter(pk=case.pk).update(decided_at=factories.ago(days=200))
    return {"case_id": case.pk}


def _all_expired(who: User, other: User) -> dict[str, Any]:
    _expired(who, other)
    return {}


def _supervising(**words: Any) -> Callable[[User, User], dict[str, Any]]:
    def prepare(_who: User, other: User) -> dict[str, Any]:
        case = factories.escalated(other)
        return {"case_id": case.pk, "version": case.version, **words}

    return prepare


def _referral(who: User, other: User) -> Referral:
    role, who.role = who.role, Role.SUPERVISOR
    active, who.is_active = who.is_active, True
    try:
        return factories.referred(other, who).referral
    finally:
        who.role, who.is_active = role, active


def _referring(*steps: Callable[..., Any], **words: Any) -> Callable[[User, User], dict[str, Any]]:
    """A referral that has taken ``steps``."""
    said = {referrals.mark_sent: {"destination": "nca", "receipt": "NCA-1"}}

    def prepare(who: User, other: User) -> dict[str, Any]:
        referral = _referral(who, other)
        for step in steps:
            step(actor=Actor.system("worker"), referral_id=referral.pk, **said.get(step, {}))
        return {"referral_id": referral.pk, **words}

    return prepare


def _undelivered(who: User, other: User, state: str = "dead") -> dict[str, Any]:
    delivery = Delivery.objects.create(
        key="for a test",
        kind="cybertipline",
        referral=_referral(who, other),
        payload={"destination": "ncmec"},
        state=state,
        next_attempt_at=timezone.now(),
        asked_by=other,
        asked_at=timezone.now(),
    )
    return {"delivery_id": delivery.pk}


def _to_deliver(who: User, other: User) -> dict[str, Any]:
    """Not deliverable, since who asked may not: it ends with an entry all the same."""
    return _undelivered(who, other, "waiting")


def _on_its_way(who: User, other: User) -> dict[str, Any]:
    delivery = Delivery.objects.get(pk=_undelivered(who, other, "waiting")["delivery_id"])
    return {"referral_id": delivery.referral_id}


def _all_to_deliver(who: User, other: User) -> dict[str, Any]:
    _to_deliver(who, other)
    return {}


def _to_package(who: User, other: User) -> dict[str, Any]:
    """An approved referral in a trail that is signed up to it."""
    referral = _referral(who, other)
    make_checkpoint(actor=Actor.system("worker"))
    return {"case_id": referral.case_id}


def _to_seal(who: User, other: User) -> dict[str, Any]:
    _to_package(who, other)
    return {}


def _with_people(_who: User, _other: User) -> dict[str, Any]:
    account = factories.account()
    factories.event(account, factories.child())
    return {"case_id": factories.case(account).pk}


def _to_name(who: User, other: User) -> dict[str, Any]:
    _with_people(who, other)
    return {}


def _under_hold(who: User, other: User) -> dict[str, Any]:
    referral = _referral(who, other)
    supervisor = Actor(
        label=f"staff:{who.pk} {who.name}",
        role=Role.SUPERVISOR,
        user=User(pk=who.pk, name=who.name, role=Role.SUPERVISOR, is_active=True),
    )
    holds.set_hold(actor=supervisor, case_id=referral.case_id, reason="Asked for.")
    return {"case_id": referral.case_id, "reason": "No longer needed."}


def _run(_who: User, _other: User) -> dict[str, Any]:
    return {"run": factories.assessment().run}


def _lapsed(_who: User, other: User) -> dict[str, Any]:
    let_lapse(factories.held(other))
    return {}


def _date_reached(_who: User, other: User) -> dict[str, Any]:
    case = factories.monitored(other)
    set_column(case, "monitor_until", timezone.localdate())
    return {}


def _age_verified(_who: User, other: User) -> dict[str, Any]:
    factories.verify_age(factories.asked_for_age(other))
    return {}


def _late(_who: User, _other: User) -> dict[str, Any]:
    set_column(factories.case(), "due_at", factories.ago(minutes=1))
    return {}


def _waiting(_who: User, _other: User) -> dict[str, Any]:
    case = factories.case()
    set_column(case, "waiting_since", case.waiting_since - timedelta(hours=60))
    set_column(case, "due_at", case.due_at - timedelta(hours=60))
    return {}


def _hold_as(who: User) -> Case:
    """A case that ``who`` holds, also where the role could never have claimed it."""
    with _as_moderator(who):
        return factories.held(who)


@contextmanager
def _as_moderator(who: User) -> Iterator[None]:
    role, who.role = who.role, Role.MODERATOR
    active, who.is_active = who.is_active, True
    try:
        yield
    finally:
        who.role, who.is_active = role, active


def let_lapse(case: Case) -> None:
    """End the lease of a held case a second ago."""
    set_column(case, "lease_expires_at", factories.ago(seconds=1))


def set_column(case: Case, column: str, value: Any) -> None:
    """Change what time would change: the database lets the application do this."""
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE moderation_case SET "{column}" = %s WHERE id = %s', [value, case.pk]
        )


def _file(**given: Any) -> Delivery:
    with override_settings(
        CYBERTIPLINE_USERNAME="user", CYBERTIPLINE_PASSWORD="pw", REPORTER_EMAIL="us@example.com"
    ):
        return filing.file(**given)


_NOTE = {"note": "Coaches the team that all of them play in."}
_DISMISSAL = {"reason": "school_or_club_role", **_NOTE}

SCENARIOS: dict[str, Scenario] = {
    "age_checks.ask": Scenario(
        age_checks.ask,
        CASEWORKERS,
        _deciding(until=timezone.localdate() + timedelta(days=14), **_NOTE),
    ),
    "age_checks.answer": Scenario(
        age_checks.answer,
        CASEWORKERS,
        lambda _who, other: {
            "case_id": factories.asked_for_age(other).pk,
            "answer": "adult",
            "note": "The platform wrote on Monday.",
        },
    ),
    "age_checks.settle": Scenario(age_checks.settle, frozenset({SYSTEM}), _age_verified),
    "bulk_decisions.ask": Scenario(
        bulk_decisions.ask,
        CASEWORKERS,
        lambda _who, _other: {
            "verb": "dismiss",
            "versions": {factories.case().pk: 1},
            **_DISMISSAL,
        },
    ),
    "care.skip": Scenario(care.skip, CASEWORKERS, _held),
    "care.go_on": Scenario(care.go_on, CASEWORKERS, lambda _who, _other: {}),
    "care.end_shift": Scenario(care.end_shift, CASEWORKERS, _in_a_shift),
    "care.choose": Scenario(
        care.choose, CASEWORKERS, lambda _who, _other: {"left_out": ["under_13"]}
    ),
    "care.set_terms": Scenario(
        care.set_terms,
        frozenset({Role.ADMIN}),
        lambda _who, _other: {"cases": 30, "critical": 5, "reveals": 9, "contacts": "Ask Sam."},
    ),
    "care.forget_shifts": Scenario(care.forget_shifts, frozenset({SYSTEM}), _in_an_old_shift),
    "claims.claim": Scenario(claims.claim, CASEWORKERS, _open),
    "claims.claim_next": Scenario(claims.claim_next, CASEWORKERS, _queue),
    "claims.claim_together": Scenario(
        claims.claim_together,
        CASEWORKERS,
        lambda _who, _other: {"case_ids": [factories.case().pk, factories.case().pk]},
    ),
    "claims.renew": Scenario(claims.renew, CASEWORKERS, _held),
    "claims.release": Scenario(claims.release, CASEWORKERS, _held),
    "claims.put_back": Scenario(claims.put_back, frozenset({Role.SUPERVISOR}), _held),
    "claims.expire_leases": Scenario(claims.expire_leases, frozenset({SYSTEM}), _lapsed),
    "decisions.dismiss": Scenario(decisions.dismiss, CASEWORKERS, _deciding(**_DISMISSAL)),
    "decisions.monitor": Scenario(
        decisions.monitor,
        CASEWORKERS,
        _deciding(until=timezone.localdate() + timedelta(days=30), **_NOTE),
    ),
    "decisions.add_note": Scenario(
        decisions.add_note,
        CASEWORKERS,
        lambda who, other: _open(who, other) | {"text": "Asked the school."},
    ),
    "erasure.erase_account": Scenario(erasure.erase_account, ERASERS, _to_erase),
    "erasure.erase_case": Scenario(erasure.erase_case, ERASERS, _expired),
    "escalation.escalate": Scenario(
        escalation.escalate,
        CASEWORKERS,
        _deciding(severity="critical", ask="Please refer.", **_NOTE),
    ),
    "escalation.refer": Scenario(
        escalation.refer, frozenset({Role.SUPERVISOR}), _supervising(**_NOTE)
    ),
    "escalation.send_back": Scenario(
        escalation.send_back, frozenset({Role.SUPERVISOR}), _supervising(**_NOTE)
    ),
    "escalation.dismiss": Scenario(
        escalation.dismiss, frozenset({Role.SUPERVISOR}), _supervising(**_DISMISSAL)
    ),
    "exemptions.revoke": Scenario(exemptions.revoke, frozenset({Role.SUPERVISOR}), _exempted),
    "filing.file": Scenario(_file, frozenset({Role.SUPERVISOR}), _referring()),
    "holds.set_hold": Scenario(
        holds.set_hold,
        frozenset({Role.SUPERVISOR}),
        lambda who, other: _open(who, other) | {"reason": "Asked for by the county's police."},
    ),
    "holds.lift_hold": Scenario(holds.lift_hold, frozenset({Role.SUPERVISOR}), _under_hold),
    "outbox.ask": Scenario(
        outbox.ask,
        frozenset({Role.SUPERVISOR}),
        _referring(kind="cybertipline", destination="ncmec"),
    ),
    "outbox.retry": Scenario(outbox.retry, frozenset({Role.SUPERVISOR}), _undelivered),
    "outbox.deliver": Scenario(outbox.deliver, frozenset({SYSTEM}), _to_deliver),
    "outbox.deliver_due": Scenario(outbox.deliver_due, frozenset({SYSTEM}), _all_to_deliver),
    "packages.export": Scenario(packages.export, frozenset({Role.SUPERVISOR}), _to_package),
    "packages.seal": Scenario(packages.seal, frozenset({SYSTEM}), _to_package),
    "packages.seal_approved": Scenario(packages.seal_approved, frozenset({SYSTEM}), _to_seal),
    "pseudonyms.keep": Scenario(pseudonyms.keep, CASEWORKERS | {SYSTEM}, _with_people),
    "pseudonyms.keep_new": Scenario(pseudonyms.keep_new, frozenset({SYSTEM}), _to_name),
    "referrals.mark_sent": Scenario(
        referrals.mark_sent, SENDERS, _referring(destination="nca", receipt="NCA-2")
    ),
    "referrals.stop_sending": Scenario(
        referrals.stop_sending, frozenset({Role.SUPERVISOR}), _on_its_way
    ),
    "referrals.acknowledge": Scenario(
        referrals.acknowledge, SENDERS, _referring(referrals.mark_sent)
    ),
    "referrals.reject": Scenario(
        referrals.reject, SENDERS, _referring(referrals.mark_sent, answer="Not ours.")
    ),
    "referrals.record_outcome": Scenario(
        referrals.record_outcome,
        frozenset({Role.SUPERVISOR}),
        _referring(referrals.mark_sent, referrals.acknowledge, outcome="arrest", note="By letter."),
    ),
    "intake.open_cases": Scenario(intake.open_cases, frozenset({SYSTEM, Role.ADMIN}), _run),
    "retention.sweep": Scenario(retention.sweep, ERASERS, _all_expired),
    "reveals.reveal": Scenario(
        reveals.reveal,
        CASEWORKERS,
        lambda who, other: _held(who, other) | {"reason": "check_age"},
    ),
    "reveals.conceal": Scenario(reveals.conceal, CASEWORKERS, _revealed),
    "second_looks.start": Scenario(second_looks.start, CASEWORKERS, _looked_at),
    "second_looks.finish": Scenario(
        second_looks.finish,
        CASEWORKERS,
        lambda who, other: _looking(who, other) | {"verb": "escalate", "note": "Five children."},
    ),
    "terms.set_terms": Scenario(
        terms.set_terms,
        frozenset({Role.ADMIN}),
        lambda _who, _other: {
            "hours": {"critical": 4, "high": 8, "standard": 24},
            "zone": "Europe/London",
            "days": [0, 1, 2, 3, 4],
            "start": time(9),
            "end": time(17),
            "holidays": [],
            "note": "Office hours.",
        },
    ),
    "terms.record_breaches": Scenario(terms.record_breaches, frozenset({SYSTEM}), _late),
    "undo.undo": Scenario(undo.undo, CASEWORKERS, _decided),
    "upkeep.resume_monitored": Scenario(
        upkeep.resume_monitored, frozenset({SYSTEM}), _date_reached
    ),
    "upkeep.reprioritise": Scenario(upkeep.reprioritise, frozenset({SYSTEM}), _waiting),
}
