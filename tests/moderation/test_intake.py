"""From a run to cases, on the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import Account
from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case
from moderation.selectors import accounts as case_accounts
from moderation.services import escalation, intake
from signals import hooks
from signals.models import Assessment, Run
from signals.spec import ThresholdSpec
from staff.models import User
from tests.moderation import factories
from tests.moderation.scenarios import set_column

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
    found = factories.assessment(suspect, points=190.0, summary={"linked": [{"account": 1}]})
    factories.evidence(found, *offers, offers[0])
    take_in(found.run)
    case = Case.objects.get()
    assert case.severity == "high"
    assert case.due_at - case.opened_at == timedelta(hours=24)
    assert case.priority_factors == {
        "points": 190.0,
        "youngest": 60.0,
        "accepted": 5.0,
        "linked": 20.0,
        "recent": 40.0,
        "waiting": 0.0,
    }
    assert case.priority == 315.0


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
    before = timezone.now()
    for points in (110.0, 190.0, 150.0):
        factories.assessment(in_run=run, points=points)
    assert take_in(run) == (2, 0)
    assert sorted(case.points for case in Case.objects.all()) == [150.0, 190.0]
    entry = Entry.objects.get(verb="case.capacity")
    assert (entry.target, entry.after) == (f"run:{run.pk}", {"waiting": 1})
    assert take_in(run) == (0, 0)
    for case in Case.objects.all():
        assert before <= case.opened_at <= timezone.now()


# -- Updating ----------------------------------------------------------------------------------


def test_a_case_takes_a_newer_assessment_that_matters_and_then_its_version_grows() -> None:
    case = factories.case(points=120.0)
    newer = reassess(case.account, points=230.0, minors=6)
    case.refresh_from_db()
    assert (case.assessment, case.points, case.minors, case.version) == (newer, 230.0, 6, 2)
    assert case.severity == "high"
    assert case.due_at == case.opened_at + timedelta(hours=24)
    entry = Entry.objects.get(verb="case.update")
    assert (entry.before["points"], entry.after["points"]) == (120.0, 230.0)


def test_an_assessment_that_decides_nothing_leaves_the_case_as_it_is_shown() -> None:
    case = factories.case(points=120.0)
    reassess(case.account, points=124.0)
    reassess(case.account, points=129.0)
    before = everything()
    case.refresh_from_db()
    assert (case.version, case.points) == (1, 120.0)
    assert everything() == before
    reassess(case.account, points=131.0)
    case.refresh_from_db()
    assert (case.version, case.points) == (2, 131.0)


def test_an_older_run_never_replaces_a_newer_one() -> None:
    account = factories.account()
    older = factories.assessment(account, points=300.0)
    case = factories.case(account, points=120.0)
    assert take_in(older.run) == (0, 0)
    case.refresh_from_db()
    assert case.points == 120.0


def test_evidence_that_falls_away_is_taken_too_but_a_case_grows_no_less_grave() -> None:
    case = factories.case(points=230.0)
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
    assert (case.state, case.points) == ("monitoring", 120.0)
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
