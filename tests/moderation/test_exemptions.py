"""A dismissal can exempt an account: for which reasons, how long, and until who ends it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from moderation.domain.exemptions import MODERATOR_DAYS, REASONS, SUPERVISOR_DAYS
from moderation.domain.vocabulary import DismissReason
from moderation.errors import ExemptionEnded, InvalidDecision
from moderation.models import Case, Draft, Exemption
from moderation.selectors.exemptions import listed, standing
from moderation.services import decisions, escalation, exemptions, undo
from signals import hooks
from staff.errors import NotAllowed
from staff.models import User
from tests.moderation import factories
from tests.moderation.sql import refused

pytestmark = pytest.mark.django_db


def _in(days: int) -> date:
    return timezone.localdate() + timedelta(days=days)


def _dismiss(who: User, case: Case | None = None, **given: Any) -> Case:
    case = case or factories.held(who)
    values: dict[str, Any] = {"reason": "school_or_club_role", "note": "Coaches them all."}
    values |= {"version": case.version, "exempt_until": _in(30)} | given
    return decisions.dismiss(actor=Actor.of_user(who), case_id=case.pk, **values)


def test_the_engine_is_told_until_when(moderator: User) -> None:
    case = _dismiss(moderator)
    end = datetime.combine(_in(30), time.min, tzinfo=UTC)
    assert list(standing()) == [hooks.Exemption(case.account_id, end)]
    assert hooks.Exemption(case.account_id, end) in hooks.exemptions()
    entry = Entry.objects.get(verb="exemption.grant")
    assert (entry.target, entry.reason) == (f"case:{case.reference}", "school_or_club_role")
    assert entry.after["until"] == _in(30).isoformat()


def test_without_a_date_nothing_is_granted(moderator: User) -> None:
    _dismiss(moderator, exempt_until=None)
    assert not Exemption.objects.exists()


@pytest.mark.parametrize("reason", sorted(DismissReason))
def test_only_for_reasons_that_last(moderator: User, reason: DismissReason) -> None:
    case = factories.held(moderator)
    if reason in REASONS:
        assert _dismiss(moderator, case, reason=reason).state == "dismissed"
        return
    with pytest.raises(InvalidDecision) as refusal:
        _dismiss(moderator, case, reason=reason)
    assert set(refusal.value.errors) == {"exempt_until"}
    case.refresh_from_db()
    assert (case.state, Exemption.objects.count()) == ("in_review", 0)


@pytest.mark.parametrize("days", [-1, 0, MODERATOR_DAYS + 1, 4000])
def test_not_for_a_past_day_and_not_for_longer_than_one_may(moderator: User, days: int) -> None:
    with pytest.raises(InvalidDecision) as refusal:
        _dismiss(moderator, exempt_until=_in(days))
    assert set(refusal.value.errors) == {"exempt_until"}
    assert _dismiss(moderator, exempt_until=_in(MODERATOR_DAYS)).state == "dismissed"


def test_a_supervisor_may_for_a_year(moderator: User, supervisor: User) -> None:
    case = factories.escalated(moderator)
    words: dict[str, Any] = {"reason": "family", "note": "Their uncle.", "version": case.version}
    actor = Actor.of_user(supervisor)
    with pytest.raises(InvalidDecision):
        escalation.dismiss(
            actor=actor, case_id=case.pk, exempt_until=_in(SUPERVISOR_DAYS + 1), **words
        )
    escalation.dismiss(actor=actor, case_id=case.pk, exempt_until=_in(SUPERVISOR_DAYS), **words)
    assert Exemption.objects.get().granted_by == supervisor


def test_a_supervisor_ends_it_once(moderator: User, supervisor: User) -> None:
    _dismiss(moderator)
    granted = Exemption.objects.get()
    sam = Actor.of_user(supervisor)
    with pytest.raises(InvalidDecision):
        exemptions.revoke(actor=sam, exemption_id=granted.pk, reason=" ")
    with pytest.raises(NotAllowed):
        exemptions.revoke(actor=Actor.of_user(moderator), exemption_id=granted.pk, reason="x")
    exemptions.revoke(actor=sam, exemption_id=granted.pk, reason="Left the club.")
    assert list(standing()) == []
    assert [e.revoke_reason for e in listed(supervisor, ended=True)] == ["Left the club."]
    with pytest.raises(ExemptionEnded):
        exemptions.revoke(actor=sam, exemption_id=granted.pk, reason="Again.")
    assert Entry.objects.filter(verb="exemption.revoke").count() == 1


def test_it_ends_on_its_day(moderator: User, supervisor: User) -> None:
    _dismiss(moderator)
    granted = Exemption.objects.get()
    assert list(listed(supervisor)) == [granted]
    with time_machine.travel(timezone.now() + timedelta(days=30), tick=False):
        assert list(listed(supervisor)) == []
        assert list(listed(supervisor, ended=True)) == [granted]
        with pytest.raises(ExemptionEnded):
            exemptions.revoke(actor=Actor.of_user(supervisor), exemption_id=granted.pk, reason="x")


def test_taking_the_dismissal_back_ends_it(moderator: User) -> None:
    case = _dismiss(moderator)
    undo.undo(actor=Actor.of_user(moderator), case_id=case.pk, version=case.version)
    assert list(standing()) == []
    assert Exemption.objects.get().revoke_reason == exemptions.TAKEN_BACK
    assert Draft.objects.get().words["reason"] == "school_or_club_role"


@pytest.mark.django_db(transaction=True)
def test_sql_grants_lengthens_and_removes_none(moderator: User, supervisor: User) -> None:
    case = _dismiss(moderator)
    other = factories.case()
    insert = (
        "INSERT INTO moderation_exemption (account_id, decision_id, until, granted_by_id,"
        " granted_at) SELECT %s, decision_id, %s, %s, granted_at FROM moderation_exemption"
    )
    for account, until, by in (
        (other.account_id, _in(30), moderator.pk),
        (case.account_id, _in(400), moderator.pk),
        (case.account_id, _in(30), supervisor.pk),
    ):
        with refused("a dismissal grants it, for a year at most") as intruder:
            intruder.run(insert, account, until, by)
    with refused("nothing else changes") as intruder:
        intruder.run("UPDATE moderation_exemption SET until = until + 100")
    with refused("the audit trail does not tell of it") as intruder:
        intruder.run(
            "UPDATE moderation_exemption SET revoked_at = now(), revoked_by_id = %s,"
            " revoke_reason = 'x'",
            supervisor.pk,
        )
    with refused("this is kept") as intruder:
        intruder.run("DELETE FROM moderation_exemption")
