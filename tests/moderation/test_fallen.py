"""A case whose score falls, on real cases: what intake writes, and what the trail tells."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case
from moderation.selectors import queue
from moderation.selectors.case import fallen as fallen_words
from moderation.selectors.timeline import history
from moderation.services import intake
from signals.models import Assessment
from staff.models import User
from tests.moderation import factories

pytestmark = pytest.mark.django_db

SYSTEM = Actor.system("worker")


def reassess(of: Account, points: float, **given: Any) -> Assessment:
    """A later run's assessment of an account, taken in."""
    found = factories.assessment(of, points=points, flagged=points >= 170.0, **given)
    intake.open_cases(found.run, SYSTEM)
    return found


def test_a_case_falls_below_the_margin_stays_in_between_and_comes_back() -> None:
    case = factories.case(points=171.0)
    story = [(152.0, False), (149.5, True), (165.0, True), (168.0, True), (170.5, False)]
    for points, fallen in story:
        reassess(case.account, points)
        case.refresh_from_db()
        assert (case.fallen, case.state) == (fallen, "open"), points
    # 168 was a step of less than ten from 165, and decided nothing
    assert (case.points, case.version) == (170.5, 5)
    told = Entry.objects.filter(verb="case.update").order_by("number")
    assert [(entry.before["fallen"], entry.after["fallen"]) for entry in told] == [
        (False, False),
        (False, True),
        (True, True),
        (True, False),
    ]


def test_a_small_step_over_the_bound_reaches_the_case() -> None:
    case = factories.case(points=171.0)
    reassess(case.account, 151.0)
    found = reassess(case.account, 149.0)
    case.refresh_from_db()
    assert (case.points, case.assessment, case.fallen) == (149.0, found, True)


def test_an_account_that_hovers_over_the_margin_is_told_of_once() -> None:
    case = factories.case(points=171.0)
    for points in (149.0, 151.0, 149.0, 151.0, 149.0):
        reassess(case.account, points)
    case.refresh_from_db()
    assert (case.version, case.points, case.fallen) == (2, 149.0, True)


def test_taking_a_run_in_twice_changes_nothing_more() -> None:
    case = factories.case(points=171.0)
    found = reassess(case.account, 110.0)
    before = list(Case.objects.values()), Entry.objects.count()
    assert intake.open_cases(found.run, SYSTEM) == (0, 0)
    assert (list(Case.objects.values()), Entry.objects.count()) == before


def test_the_set_of_the_shown_assessments_run_counts(admin: User) -> None:
    wide = factories.thresholds(admin, spec={"open_at": 150.0, "keep_margin": 50.0})
    case = factories.case(points=171.0, in_run=factories.run(thresholds=wide))
    reassess(case.account, 105.0, in_run=factories.run(thresholds=wide))
    case.refresh_from_db()
    assert not case.fallen
    narrow = factories.thresholds(admin, spec={"open_at": 120.0, "keep_margin": 10.0})
    reassess(case.account, 105.0, in_run=factories.run(thresholds=narrow))
    case = Case.objects.get()
    assert (case.fallen, case.points) == (True, 105.0)
    assert fallen_words(case) == (
        "Its score has fallen to 105 points, more than 10 below the 120 at which cases open. "
        "It stays here until somebody decides."
    )


def test_a_held_and_a_monitored_case_fall_where_they_are(moderator: User) -> None:
    held = factories.held(moderator, points=160.0)
    monitored = factories.monitored(moderator, points=160.0)
    for case in (held, monitored):
        reassess(case.account, 50.0)
    assert set(Case.objects.values_list("state", "fallen")) == {
        ("in_review", True),
        ("monitoring", True),
    }


def test_a_dismissed_case_says_nothing_and_reopens_as_current(moderator: User) -> None:
    case = factories.case(points=171.0)
    reassess(case.account, 110.0)
    case = factories.dismiss(moderator, Case.objects.get())
    assert fallen_words(case) == ""
    found = factories.assessment(case.account, factories.run(basis=factories.basis()), points=190.0)
    factories.evidence(found, factories.event(case.account, factories.child()))
    intake.open_cases(found.run, SYSTEM)
    case.refresh_from_db()
    assert (case.state, case.fallen) == ("open", False)


def test_the_history_says_when_it_fell_and_came_back() -> None:
    case = factories.case(points=171.0)
    for points in (110.0, 180.0):
        reassess(case.account, points)
    case.refresh_from_db()
    told = [item.facts for item in history(case).items]
    assert told == [
        [("Points", "110 → 180"), ("Score", "is back")],
        [("Points", "171 → 110"), ("Score", "has fallen")],
        [("Points", "171")],
    ]


def test_intake_asks_for_all_threshold_sets_at_once(admin: User) -> None:
    run = factories.run()
    cases = [factories.case(points=171.0) for _ in range(3)]
    for case in cases:
        factories.assessment(case.account, run, points=110.0)
    with CaptureQueriesContext(connection) as queries:
        intake.open_cases(run, SYSTEM)
    assert sum('FROM "signals_thresholdset"' in query["sql"] for query in queries) == 1


def test_the_view_holds_live_fallen_cases_of_every_state_and_no_others(moderator: User) -> None:
    expected = set()
    pairs = (
        (factories.case(points=160.0), factories.case(points=160.0)),
        (factories.held(moderator, points=160.0), factories.held(moderator, points=160.0)),
        (
            factories.monitored(moderator, points=160.0),
            factories.monitored(moderator, points=160.0),
        ),
        (
            factories.escalated(moderator, points=160.0),
            factories.escalated(moderator, points=160.0),
        ),
    )
    for fallen, current in pairs:
        reassess(fallen.account, 110.0)
        reassess(current.account, 160.0)
        expected.add(fallen.pk)
    ended = factories.case()
    reassess(ended.account, 110.0)
    factories.dismiss(moderator, Case.objects.get(pk=ended.pk))

    page = queue.page(moderator, queue.Filters.read({"view": "fallen"}))

    assert {case.pk for case in page.cases} == expected
    assert page.total == 4
    assert len(queue.page(moderator, queue.Filters.read({"view": "all"})).cases) == 9


def test_the_migration_marks_live_cases_that_had_fallen_before(
    admin: User, moderator: User
) -> None:
    """Until then nothing said so: as if every case had just opened with these points."""
    lower = factories.thresholds(admin, spec={"open_at": 100.0})
    fallen = [factories.case(points=109.0), factories.held(moderator, points=60.0)]
    lowered = factories.case(points=79.0, in_run=factories.run(thresholds=lower))
    factories.case(points=110.0)
    factories.case(points=80.0, in_run=factories.run(thresholds=lower))
    factories.dismissed(moderator, points=60.0)
    assert not Case.objects.filter(fallen=True).exists()
    migration = import_module("moderation.migrations.0017_fallen_and_sampled")
    with connection.cursor() as cursor:
        cursor.execute(migration._FALLEN)
    marked = Case.objects.filter(fallen=True).values_list("pk", flat=True)
    assert set(marked) == {case.pk for case in [*fallen, lowered]}
