"""When a decided account comes back: on new events that add enough, never on the same ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case
from moderation.services import intake
from signals.models import Run
from staff.models import User
from tests.moderation import factories

pytestmark = pytest.mark.django_db


def take_in(run: Run) -> tuple[int, int]:
    return intake.open_cases(run, Actor.system("worker"))


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
