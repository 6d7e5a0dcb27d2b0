"""One decision for several cases: each by itself, and what is refused is left alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from config.celery import app
from moderation.domain.bulk import MOST
from moderation.errors import InvalidDecision
from moderation.models import BulkJob, Case, Decision
from moderation.services import bulk_decisions, claims, second_looks, undo
from moderation.tasks import run_bulk
from staff.models import User
from staff.services import deactivate
from tests.moderation import factories
from tests.moderation.scenarios import let_lapse
from tests.moderation.sql import refused

pytestmark = pytest.mark.django_db


def _ask(who: User, *cases: Case, **given: Any) -> BulkJob:
    values: dict[str, Any] = {"verb": "dismiss", "reason": "family", "note": "One family."}
    values["versions"] = {case.pk: case.version for case in cases}
    return bulk_decisions.ask(actor=Actor.of_user(who), **(values | given))


def _outcomes(job: BulkJob) -> list[tuple[str, str]]:
    return list(job.items.order_by("pk").values_list("outcome", "message"))


def test_each_case_is_decided_in_the_person_s_name(moderator: User) -> None:
    cases = [factories.case() for _ in range(3)]
    job = _ask(moderator, *cases)
    run_bulk(job.pk)
    job.refresh_from_db()
    assert job.finished_at is not None
    assert _outcomes(job) == [("done", "")] * 3
    for case in cases:
        decision = Decision.objects.get(case=case)
        assert (decision.verb, decision.reason, decision.by) == ("dismiss", "family", moderator)
    asked = Entry.objects.get(verb="bulk.ask")
    assert asked.after == {"verb": "dismiss", "cases": 3}
    names = Entry.objects.filter(verb="case.dismiss").values_list("actor", flat=True)
    assert set(names) == {Actor.of_user(moderator).label}


def test_what_cannot_be_decided_is_left_alone_and_the_others_go_on(
    moderator: User, moderator2: User
) -> None:
    changed, free, own, lapsed = (factories.case() for _ in range(4))
    critical = factories.case(points=450.0)
    escalated, held = factories.escalated(moderator2), factories.held(moderator2)
    own = claims.claim(actor=Actor.of_user(moderator), case_id=own.pk)
    lapsed = claims.claim(actor=Actor.of_user(moderator2), case_id=lapsed.pk)
    let_lapse(lapsed)
    job = _ask(moderator, changed, free, own, lapsed, critical, escalated, held)
    claims.claim(actor=Actor.of_user(moderator2), case_id=changed.pk)
    claims.release(actor=Actor.of_user(moderator2), case_id=changed.pk)
    before = Case.objects.get(pk=critical.pk)
    bulk_decisions.run(job.pk)
    said = dict(zip((i.case_id for i in job.items.order_by("pk")), _outcomes(job), strict=True))
    assert [said[case.pk][0] for case in (free, own, lapsed)] == ["done"] * 3
    assert "has changed since" in said[changed.pk][1]
    assert said[critical.pk] == ("refused", "It is critical: decide on it by itself.")
    assert said[escalated.pk] == ("refused", "It is no longer open.")
    assert said[held.pk] == ("refused", "Max Okafor holds it.")
    after = Case.objects.get(pk=critical.pk)
    assert (after.state, after.version) == (before.state, before.version), "not even claimed"


def test_a_case_that_one_may_not_see_is_no_part_of_it(
    moderator: User, moderator2: User, settings: Any
) -> None:
    settings.SECOND_LOOK_PERCENT = 100
    looked_at = factories.dismissed(moderator)
    look = second_looks.start(actor=Actor.of_user(moderator2))
    assert look is not None
    assert look.decision.case == looked_at
    free = factories.case()
    job = _ask(moderator2, looked_at, free)
    assert [item.case for item in job.items.all()] == [free]
    assert Entry.objects.get(verb="bulk.ask").after["cases"] == 1


def test_running_it_again_decides_nothing_twice(moderator: User) -> None:
    case = factories.case()
    job = _ask(moderator, case)
    bulk_decisions.run(job.pk)
    back = undo.undo(
        actor=Actor.of_user(moderator), case_id=case.pk, version=Case.objects.get().version
    )
    bulk_decisions.run(job.pk)
    back.refresh_from_db()
    assert back.state == "in_review"


def test_monitoring_goes_until_the_date(moderator: User) -> None:
    until = timezone.localdate() + timedelta(days=20)
    case = factories.case()
    bulk_decisions.run(_ask(moderator, case, verb="monitor", until=until).pk)
    case.refresh_from_db()
    assert (case.state, case.monitor_until) == ("monitoring", until)


def test_who_left_meanwhile_decides_nothing(moderator: User, admin: User) -> None:
    case = factories.case()
    job = _ask(moderator, case)
    deactivate(actor=Actor.of_user(admin), user_id=moderator.pk)
    bulk_decisions.run(job.pk)
    assert [outcome for outcome, _ in _outcomes(job)] == ["refused"]
    case.refresh_from_db()
    assert case.state == "open"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"verb": "escalate"}, "verb"),
        ({"reason": "odd"}, "reason"),
        ({"note": ""}, "note"),
        ({"verb": "monitor"}, "until"),
        ({"versions": {}}, "cases"),
        ({"versions": dict.fromkeys(range(MOST + 1), 1)}, "cases"),
    ],
)
def test_what_cannot_be_asked(moderator: User, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidDecision) as refusal:
        _ask(moderator, factories.case(), **wrong)
    assert set(refusal.value.errors) == {field}
    assert not BulkJob.objects.exists()


def test_a_job_that_a_worker_lost_is_asked_for_again(
    moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(timezone.now() - timedelta(minutes=3), tick=False):
        lost = _ask(moderator, factories.case())
    fresh = _ask(moderator, factories.case())
    asked = []
    monkeypatch.setattr(app, "send_task", lambda name, args: asked.append((name, *args)))
    assert bulk_decisions.sweep() == 1
    assert asked == [(bulk_decisions.RUN, lost.pk)]
    assert fresh.finished_at is None


@pytest.mark.django_db(transaction=True)
def test_sql_asks_for_nothing_and_adds_nothing(moderator: User) -> None:
    case, other = factories.case(), factories.case()
    insert = (
        "INSERT INTO moderation_bulkjob (by_id, verb, words, asked_at)"
        " VALUES (%s, 'dismiss', '{}', now())"
    )
    with refused("the audit trail does not tell of it") as intruder:
        intruder.run(insert, moderator.pk)
    job = _ask(moderator, case)
    with refused("was asked for without it") as intruder:
        intruder.run(
            "INSERT INTO moderation_bulkitem (job_id, case_id, version, outcome, message)"
            " VALUES (%s, %s, 1, 'waiting', '')",
            job.pk,
            other.pk,
        )
    for change in ("verb = 'monitor'", 'words = \'{"note": "x"}\'', "by_id = by_id + 1"):
        with refused("nothing else about it changes") as intruder:
            intruder.run(f"UPDATE moderation_bulkjob SET {change}")
    with refused("nothing else changes") as intruder:
        intruder.run("UPDATE moderation_bulkitem SET case_id = %s", other.pk)
    bulk_decisions.run(job.pk)
    job.refresh_from_db()
    assert job.words == {}
    with refused("is refused: this is kept") as intruder:
        intruder.run("DELETE FROM moderation_bulkitem")
