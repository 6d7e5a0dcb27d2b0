"""From a run to cases, on the database."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from multiprocessing import get_context
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from accounts.models import Account
from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case
from moderation.selectors import accounts as case_accounts
from moderation.services import claims, escalation, intake
from signals import hooks
from signals.models import Assessment, Run
from signals.spec import ThresholdSpec
from staff.models import User
from tests.moderation import factories
from tests.moderation.scenarios import set_column
from tests.moderation.sql import intruding

pytestmark = pytest.mark.django_db

SYSTEM = Actor.system("worker")


def take_in(run: Run) -> tuple[int, int]:
    return intake.open_cases(run, SYSTEM)


def reassess(account: Account, **given: Any) -> Assessment:
    """A later run's assessment of ``account``, taken in."""
    found = factories.assessment(account, **given)
    take_in(found.run)
    return found


def everything() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Case, Entry)]


# -- Opening -----------------------------------------------------------------------------------


def test_a_flagged_account_opens_a_case_with_what_the_queue_shows() -> None:
    run = factories.run()
    found = factories.assessment(in_run=run, points=131.26, minors=5)
    factories.assessment(in_run=run, flagged=False)
    before = timezone.now()
    assert take_in(run) == (1, 0)
    case = Case.objects.get()
    assert (case.state, case.kind, case.version) == ("open", "suspicion", 1)
    assert (case.account, case.assessment, case.points, case.minors) == (
        found.account,
        found,
        131.26,
        5,
    )
    assert case.reference == f"SL-{before:%Y}-000001"
    assert before <= case.opened_at <= timezone.now()
    assert (case.waiting_since, case.due_at) == (
        case.opened_at,
        case.opened_at + timedelta(hours=72),
    )
    assert [reason["indicator"] for reason in case.headline] == ["no_mutuals", "refused"]
    assert "had no friend in common" in case.headline[0]["sentence"]
    entry = Entry.objects.get()
    assert (entry.verb, entry.target) == ("case.open", f"case:{case.reference}")
    assert (entry.actor, entry.reason) == ("system:worker", f"run {run.pk}")


def test_the_headline_is_the_three_strongest_reasons_and_nothing_that_lowers() -> None:
    lowers = factories.contribution("embedded") | {"direction": "lowers"}
    reasons = [factories.contribution(name) for name in ("a", "b", "c", "d")]
    case = factories.case(contributions=[reasons[0], lowers, *reasons[1:]])
    assert [reason["indicator"] for reason in case.headline] == ["a", "b", "c"]


@pytest.mark.parametrize("source", ["self_declared", "verified"])
def test_a_recorded_child_gets_an_age_check_whether_or_not_the_age_is_verified(
    source: str,
) -> None:
    factories.event(factories.account(), factories.account())
    assert factories.case(factories.child(15, age_source=source)).kind == "age_check"
    assert factories.case(factories.child(18, age_source=source)).kind == "suspicion"
    banded = {"birth_date": None, "age_source": source}
    assert factories.case(factories.account(age_band="16_17", **banded)).kind == "age_check"
    assert factories.case(factories.account(age_band="unknown", **banded)).kind == "suspicion"


def test_what_the_run_says_about_the_recorded_age_goes_first() -> None:
    case = factories.case(factories.account(), summary={"recorded_minor": True})
    assert case.kind == "age_check"


def test_the_children_of_the_evidence_make_severity_deadline_and_priority() -> None:
    suspect, twelve, fifteen = factories.account(), factories.child(12), factories.child(15)
    offers = [factories.event(suspect, child) for child in (twelve, fifteen)]
    factories.accept(offers[0])
    found = factories.assessment(suspect, points=110.0, summary={"linked": [{"account": 1}]})
    factories.evidence(found, *offers, offers[0])
    take_in(found.run)
    case = Case.objects.get()
    assert case.severity == "high"
    assert case.due_at - case.opened_at == timedelta(hours=24)
    assert case.priority_factors == {
        "points": 110.0,
        "youngest": 60.0,
        "accepted": 10.0,
        "linked": 20.0,
        "recent": 40.0,
        "waiting": 0.0,
    }
    assert case.priority == 240.0


@pytest.mark.parametrize(("hours", "recent"), [(0, 40.0), (23.9, 40.0), (24.1, 0.0)])
def test_recent_is_counted_back_from_the_last_event_that_the_run_knew(
    hours: float, recent: float
) -> None:
    suspect, child = factories.account(), factories.child()
    offer = factories.event(suspect, child)
    factories.event(child, suspect, factories.NOON + timedelta(hours=hours))
    assert factories.case(suspect).priority_factors["recent"] == recent
    # A run as of the moment after the offer knows nothing of what came later.
    other = factories.account()
    factories.event(other, child, factories.NOON + timedelta(minutes=1))
    at = factories.run(as_of=offer.published + timedelta(seconds=1))
    assert factories.case(other, in_run=at).priority_factors["recent"] == 0.0


def _open_and_fail() -> None:
    factories.case()
    raise RuntimeError


def test_references_follow_each_other_without_gaps_over_runs_and_failures() -> None:
    factories.case()
    with pytest.raises(RuntimeError), transaction.atomic():
        _open_and_fail()
    factories.case()
    numbers = [case.reference[-6:] for case in Case.objects.order_by("pk")]
    assert numbers == ["000001", "000002"]


def test_the_capacity_of_the_day_opens_the_strongest_and_the_rest_wait_in_the_trail(
    admin: User,
) -> None:
    spec = ThresholdSpec(capacity=2).to_dict()
    run = factories.run(thresholds=factories.thresholds(admin, spec=spec))
    for points in (110.0, 190.0, 150.0):
        factories.assessment(in_run=run, points=points)
    assert take_in(run) == (2, 0)
    assert sorted(case.points for case in Case.objects.all()) == [150.0, 190.0]
    entry = Entry.objects.get(verb="case.capacity")
    assert (entry.target, entry.after) == (f"run:{run.pk}", {"waiting": 1})
    assert take_in(run) == (0, 0)
    for case in Case.objects.all():
        assert case.opened_at.date() == timezone.now().date()


# -- Updating ----------------------------------------------------------------------------------


def test_a_case_takes_a_newer_assessment_that_matters_and_then_its_version_grows() -> None:
    case = factories.case(points=120.0)
    newer = reassess(case.account, points=170.0, minors=6)
    case.refresh_from_db()
    assert (case.assessment, case.points, case.minors, case.version) == (newer, 170.0, 6, 2)
    assert case.severity == "high"
    assert case.due_at == case.opened_at + timedelta(hours=24)
    entry = Entry.objects.get(verb="case.update")
    assert (entry.before["points"], entry.after["points"]) == (120.0, 170.0)


def test_an_assessment_that_decides_nothing_leaves_the_case_as_it_is_shown() -> None:
    case = factories.case(points=120.0)
    reassess(case.account, points=122.0)
    reassess(case.account, points=124.0)
    before = everything()
    case.refresh_from_db()
    assert (case.version, case.points) == (1, 120.0)
    assert everything() == before
    reassess(case.account, points=126.0)
    case.refresh_from_db()
    assert (case.version, case.points) == (2, 126.0)


def test_an_older_run_never_replaces_a_newer_one() -> None:
    account = factories.account()
    older = factories.assessment(account, points=300.0)
    case = factories.case(account, points=120.0)
    assert take_in(older.run) == (0, 0)
    case.refresh_from_db()
    assert case.points == 120.0


def test_evidence_that_falls_away_is_taken_too_but_a_case_grows_no_less_grave() -> None:
    case = factories.case(points=200.0)
    assert case.severity == "high"
    reassess(case.account, points=30.0, flagged=False, contributions=[])
    case.refresh_from_db()
    assert (case.points, case.headline, case.severity) == (30.0, [], "high")


def test_what_a_person_judged_grave_or_not_stays(moderator: User) -> None:
    case = factories.held(moderator)
    case = escalation.escalate(
        actor=Actor.of_user(moderator),
        case_id=case.pk,
        version=case.version,
        severity="standard",
        note="Many, but all from one club.",
        ask="A second opinion, please.",
    )
    due_at = case.due_at
    reassess(case.account, points=900.0)
    case.refresh_from_db()
    assert (case.points, case.severity, case.due_at) == (900.0, "standard", due_at)
    assert case.state == "escalated"


def test_a_held_case_stays_with_its_holder(moderator: User) -> None:
    case = factories.held(moderator)
    reassess(case.account, points=180.0)
    case.refresh_from_db()
    assert (case.state, case.holder) == ("in_review", moderator)


def test_a_monitored_case_comes_back_when_its_score_rises(moderator: User) -> None:
    case = factories.monitored(moderator, points=120.0)
    reassess(case.account, points=128.0)
    case.refresh_from_db()
    assert (case.state, case.points) == ("monitoring", 128.0)
    assert take_in(factories.assessment(case.account, points=131.0).run) == (0, 1)
    case.refresh_from_db()
    assert (case.state, case.monitor_until) == ("open", None)
    assert case.waiting_since > case.opened_at
    assert Entry.objects.filter(verb="case.resume").count() == 1


def test_a_run_that_changes_no_assessment_still_keeps_the_order_of_the_queue_true() -> None:
    suspect, child = factories.account(), factories.child()
    factories.event(suspect, child)
    case = factories.case(suspect, points=120.0)
    assert case.priority_factors["recent"] == 40.0
    factories.event(child, suspect, factories.NOON + timedelta(days=2))
    later = factories.assessment(suspect, points=120.0)
    assert take_in(later.run) == (0, 0)
    case.refresh_from_db()
    assert (case.priority_factors["recent"], case.priority) == (0.0, 120.0)
    assert case.version == 1
    assert case.assessment.run != later.run
    entry = Entry.objects.get(verb="case.reprioritise")
    assert (entry.target, entry.after) == (f"run:{later.run.pk}", {"cases": 1})
    before = everything()
    assert take_in(later.run) == (0, 0)
    assert everything() == before


# -- Reopening ---------------------------------------------------------------------------------


@pytest.fixture
def knowing(moderator: User) -> Case:
    """Dismissed at 120 points, on an event that its run knew."""
    suspect, child = factories.account(), factories.child()
    offer = factories.event(suspect, child)
    found = factories.assessment(suspect, factories.run(basis=factories.basis()), points=120.0)
    factories.evidence(found, offer)
    take_in(found.run)
    return factories.dismiss(moderator, Case.objects.get())


def again(case: Case, *, new: bool, points: float, **run: Any) -> tuple[int, int]:
    """Another run finds ``points``, on what was known and, if ``new``, on one event more."""
    known = [row.event for row in case.assessment.evidence.all() if row.event]
    more = [factories.event(case.account, factories.child())] if new else []
    found = factories.assessment(
        case.account, factories.run(basis=factories.basis(), **run), points=points
    )
    factories.evidence(found, *known, *more)
    return take_in(found.run)


def test_new_events_that_add_forty_points_reopen_a_dismissed_case(knowing: Case) -> None:
    assert again(knowing, new=True, points=159.9) == (0, 0)
    assert again(knowing, new=True, points=160.0) == (0, 1)
    knowing.refresh_from_db()
    assert (knowing.state, knowing.points, knowing.version) == ("open", 160.0, 4)
    assert Case.objects.count() == 1
    entry = Entry.objects.get(verb="case.reopen")
    assert (entry.before["state"], entry.after["state"]) == ("dismissed", "open")
    assert knowing.decisions.get().points == 120.0


def test_the_same_events_never_reopen_a_case_whatever_their_points(knowing: Case) -> None:
    assert again(knowing, new=False, points=900.0) == (0, 0)
    knowing.refresh_from_db()
    assert (knowing.state, knowing.points) == ("dismissed", 120.0)


def test_other_thresholds_move_the_base_of_the_same_events(knowing: Case, admin: User) -> None:
    other = factories.thresholds(admin)
    assert again(knowing, new=False, points=300.0, thresholds=other) == (0, 0)
    knowing.refresh_from_db()
    assert (knowing.state, knowing.points_when_decided) == ("dismissed", 300.0)
    assert Entry.objects.filter(verb="case.rebase").count() == 1
    assert again(knowing, new=True, points=339.0, thresholds=other) == (0, 0)
    assert again(knowing, new=True, points=340.0, thresholds=other) == (0, 1)


def test_events_that_an_earlier_look_back_in_time_left_out_are_new(moderator: User) -> None:
    suspect = factories.account()
    first = factories.event(suspect, factories.child())
    later = factories.event(suspect, factories.child(), factories.NOON + timedelta(days=3))
    run = factories.run(basis=factories.basis(), as_of=factories.NOON + timedelta(days=1))
    found = factories.assessment(suspect, run, points=120.0)
    factories.evidence(found, first)
    take_in(run)
    case = factories.dismiss(moderator, Case.objects.get())
    now = factories.assessment(suspect, factories.run(basis=factories.basis()), points=170.0)
    factories.evidence(now, first, later)
    assert take_in(now.run) == (0, 1)
    case.refresh_from_db()
    assert case.state == "open"


def test_rows_of_an_import_that_had_not_ended_are_new(moderator: User) -> None:
    suspect, unfinished = factories.account(), factories.batch(state="running", finished_at=None)
    offer = factories.event(suspect, factories.child(), batch=unfinished)
    basis = factories.basis(unfinished=[unfinished.pk])
    found = factories.assessment(suspect, factories.run(basis=basis), points=120.0)
    take_in(found.run)
    factories.dismiss(moderator, Case.objects.get())
    now = factories.assessment(suspect, factories.run(basis=factories.basis()), points=170.0)
    factories.evidence(now, offer)
    assert take_in(now.run) == (0, 1)


def test_a_referred_account_gets_a_new_case_on_new_events_alone(
    moderator: User, supervisor: User
) -> None:
    account = factories.account()
    run = factories.run(basis=factories.basis())
    referred = factories.referred(moderator, supervisor, account, in_run=run, points=120.0)
    assert again(referred, new=False, points=200.0) == (0, 0)
    assert again(referred, new=True, points=200.0) == (1, 0)
    referred.refresh_from_db()
    assert referred.state == "referred"
    assert [case.state for case in account.cases.order_by("pk")] == ["referred", "open"]


# -- Twice, at once, halfway -------------------------------------------------------------------


def test_the_same_run_twice_changes_nothing(moderator: User) -> None:
    run = factories.run()
    for points in (110.0, 170.0, 280.0):
        factories.assessment(in_run=run, points=points)
    assert take_in(run) == (3, 0)
    claims.claim_next(actor=Actor.of_user(moderator))
    before = everything()
    assert take_in(run) == (0, 0)
    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_an_intake_killed_after_its_writing_leaves_nothing_and_the_next_completes() -> None:
    known = factories.case(points=120.0)
    run = factories.run()
    for _ in range(30):
        factories.assessment(in_run=run)
    factories.assessment(known.account, in_run=run, points=190.0)
    before = everything()
    connections.close_all()
    with intruding("superuser") as superuser:
        # The lock that every transaction takes before it writes entries, as its last step.
        superuser.run("LOCK TABLE audit_entry IN EXCLUSIVE MODE")
        child = get_context("fork").Process(target=take_in, args=(run,))
        child.start()
        assert child.pid is not None
        _wait_for_blocked(superuser)
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        assert child.exitcode == -signal.SIGKILL
    assert everything() == before
    assert take_in(run) == (30, 1)
    assert Case.objects.count() == 31
    assert Entry.objects.filter(verb="case.open").count() == 31
    assert take_in(run) == (0, 0)


def _wait_for_blocked(superuser: Any) -> None:
    for _ in range(600):
        superuser.run("SELECT pg_stat_clear_snapshot()")
        ((blocked,),) = superuser.run(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        if blocked:
            return
        time.sleep(0.05)
    pytest.fail("the intake never came to its last step")


# -- What the floor below asks -----------------------------------------------------------------


def test_signals_knows_whose_assessment_to_keep_and_how_cases_ended(
    moderator: User, supervisor: User
) -> None:
    live, out, sent = (
        factories.held(moderator),
        factories.dismissed(moderator),
        factories.referred(moderator, supervisor),
    )
    assert hooks.case_accounts() >= {case.account_id for case in (live, out, sent)}
    labels = {label.account: label for label in case_accounts.labels()}
    assert labels.keys() == {out.account_id, sent.account_id}
    assert labels[out.account_id] == (
        out.account_id,
        out.decided_at,
        "dismissed",
        "ordinary_behaviour",
    )
    assert labels[sent.account_id] == (sent.account_id, sent.decided_at, "confirmed", None)
    assert set(hooks.labels()) >= set(labels.values())


def test_a_run_that_ends_calls_the_intake() -> None:
    run = factories.run()
    factories.assessment(in_run=run)
    assert hooks.run_done(run, SYSTEM) == (1, 0)


def test_waiting_time_counts_when_a_case_is_ranked_again() -> None:
    case = factories.case(points=120.0)
    set_column(case, "waiting_since", factories.ago(hours=36))
    set_column(case, "due_at", factories.ago(hours=-36))
    reassess(case.account, points=130.0)
    case.refresh_from_db()
    assert case.priority_factors["waiting"] == 40.0
