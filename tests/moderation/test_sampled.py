"""The random sample from below the threshold: who gets a case, and that nothing marks it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from time_machine import TimeMachineFixture

from accounts.models import Account
from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case, SampledCase
from moderation.package.build import WRITERS
from moderation.package.gather import gather
from moderation.selectors import accounts as asked
from moderation.services import claims
from signals.draws import sample_of
from signals.models import Assessment, Run
from staff.models import User
from tests.moderation import factories
from tests.moderation.sampling import PLAIN, below, drawn, sampled_and_other, take_in, thresholds

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(admin: User) -> Run:
    """A run whose draw takes a fifth."""
    return factories.run(thresholds=thresholds(admin))


def with_case() -> set[int]:
    return set(Case.objects.values_list("account_id", flat=True))


# -- Who gets a case -----------------------------------------------------------------------------


def test_those_who_are_drawn_get_a_case_whatever_their_points(run: Run) -> None:
    found = below(run)
    flagged = factories.assessment(in_run=run)
    expected = drawn(run, found)
    assert 0 < len(expected) < len(found)
    assert take_in(run) == (len(expected) + 1, 0)
    assert with_case() == expected | {flagged.account_id}
    assert set(SampledCase.objects.values_list("case__account_id", flat=True)) == expected
    points = {one.account_id: one.points for one in found}
    for case in Case.objects.exclude(account=flagged.account):
        assert (case.points, case.kind, case.state) == (
            points[case.account_id],
            "suspicion",
            "open",
        )


def test_taking_in_twice_and_a_further_run_of_the_month_open_nothing_more(run: Run) -> None:
    found = below(run)
    expected = drawn(run, found)
    take_in(run)
    assert take_in(run) == (0, 0)
    again = factories.run(thresholds=run.thresholds)
    for one in found:
        factories.assessment(
            one.account, again, points=one.points, flagged=False, summary=PLAIN, minors=4
        )
    assert drawn(again, found) == expected
    assert take_in(again) == (0, 0)
    assert with_case() == expected


def test_an_account_that_was_dismissed_is_not_drawn_again(run: Run, moderator: User) -> None:
    found = below(run, 60)
    take_in(run)
    for case in Case.objects.all():
        factories.dismiss(moderator, case)
    before = Case.objects.count()
    next_month = factories.run(thresholds=run.thresholds)
    Run.objects.filter(pk=next_month.pk).update(created_at=run.created_at + timedelta(days=31))
    next_month.refresh_from_db()
    old = with_case()
    for one in found:
        factories.assessment(
            one.account, next_month, points=one.points, flagged=False, summary=PLAIN
        )
    now = drawn(next_month, found)
    assert now
    opened, _updated = take_in(next_month)
    assert opened == len(now - old)
    assert Case.objects.count() == before + opened


@pytest.mark.parametrize("barred", ["exempt", "recorded_minor"])
def test_exempt_accounts_and_recorded_children_are_not_drawn(run: Run, barred: str) -> None:
    found = below(run, summary=PLAIN | {barred: True})
    assert drawn(run, found)
    assert take_in(run) == (0, 0)
    assert not SampledCase.objects.exists()


def test_what_is_not_known_of_an_account_does_not_let_it_in(run: Run) -> None:
    below(run, summary={})
    assert take_in(run) == (0, 0)


def test_a_flagged_account_that_is_drawn_too_is_no_sampled_case(run: Run) -> None:
    found = below(run, points=140.0, flagged=True)
    assert drawn(run, found)
    assert take_in(run) == (len(found), 0)
    assert not SampledCase.objects.exists()


def test_without_a_share_as_of_an_earlier_time_and_promptly_nobody_is_drawn(admin: User) -> None:
    off = factories.run(thresholds=thresholds(admin, sample_share=0.0))
    without = factories.run()
    earlier = factories.run(thresholds=thresholds(admin), as_of=datetime(2026, 1, 1, tzinfo=UTC))
    prompt = factories.run(thresholds=thresholds(admin), base=off, trigger="prompt")
    for run in (off, without, earlier, prompt):
        below(run)
        assert sample_of(run) is None
        assert take_in(run) == (0, 0)


def test_the_capacity_counts_and_takes_the_drawn_in_the_order_of_the_draw(admin: User) -> None:
    run = factories.run(thresholds=thresholds(admin, capacity=4))
    found = below(run)
    sample = sample_of(run)
    assert sample is not None
    places = sample.place_of([one.account_id for one in found])
    order = sorted(places, key=lambda account: places[account])
    for points, account in enumerate(order):  # the first of the draw have the fewest points
        Assessment.objects.filter(run=run, account=account).update(points=float(points))
    flagged = [factories.assessment(in_run=run).account_id for _ in range(2)]
    assert take_in(run) == (4, 0)
    assert len(order) > 4
    assert with_case() == {*flagged, *order[:2]}
    assert take_in(run) == (0, 0)


def test_those_who_wait_for_room_open_the_next_day(
    admin: User, time_machine: TimeMachineFixture
) -> None:
    run = factories.run(thresholds=thresholds(admin, capacity=1))
    found = below(run)
    expected = drawn(run, found)
    assert take_in(run) == (1, 0)
    time_machine.move_to(timezone.now() + timedelta(days=1))
    assert take_in(run) == (1, 0)
    assert with_case() < expected


# -- Nothing marks it ----------------------------------------------------------------------------


def test_case_trail_and_package_of_a_sampled_case_differ_in_their_points_alone(
    run: Run, moderator: User, supervisor: User
) -> None:
    sampled, other = sampled_and_other(run)

    def told(case: Case) -> list[tuple[str, str, str, str, set[str]]]:
        entries = Entry.objects.filter(target=f"case:{case.reference}").order_by("number")
        return [(e.verb, e.actor, e.reason, str(e.before), set(e.after)) for e in entries]

    assert told(sampled) == told(other)
    fields = {field.name for field in Case._meta.concrete_fields}
    own = {
        "id", "reference", "account", "points", "priority", "priority_factors", "assessment",
    }  # fmt: skip
    same = [name for name in sorted(fields - own) if name != "updated_at"]
    assert [getattr(sampled, name) for name in same] == [getattr(other, name) for name in same]
    assert sampled.priority_factors.keys() == other.priority_factors.keys()
    assert not sampled.fallen

    for case in (sampled, other):
        view = gather(case)
        # not the PDF, whose bytes are compressed: it says what the view holds
        for name in WRITERS.keys() - {"report.pdf"}:
            text = WRITERS[name](view).decode().lower()
            assert "sampl" not in text, name
            assert "random" not in text, name


def test_a_sampled_case_that_changes_below_the_threshold_has_not_fallen(run: Run) -> None:
    found = below(run, points=60.0)
    expected = drawn(run, found)
    take_in(run)
    later = factories.run(thresholds=run.thresholds)
    for account in expected:
        factories.assessment(
            Account.objects.get(pk=account), later, points=20.0, flagged=False, summary=PLAIN
        )
    assert take_in(later) == (0, len(expected))
    assert set(Case.objects.values_list("points", "fallen")) == {(20.0, False)}


# -- Figures -------------------------------------------------------------------------------------


def test_the_floor_below_is_told_outcomes_and_nothing_else(
    run: Run, moderator: User, supervisor: User
) -> None:
    expected = sorted(drawn(run, below(run)))
    factories.assessment(in_run=run)
    take_in(run)
    cases = [Case.objects.get(account=account) for account in expected]
    factories.dismiss(moderator, cases[0])
    held = claims.claim(actor=Actor.of_user(moderator), case_id=cases[1].pk)
    factories.refer(supervisor, factories.escalate(moderator, held))
    told = {one.account: one.outcome for one in asked.sampled()}
    assert told == dict.fromkeys(expected) | {expected[0]: "dismissed", expected[1]: "confirmed"}


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM moderation_sampledcase",
        "UPDATE moderation_sampledcase SET case_id = case_id",
        "TRUNCATE moderation_sampledcase",
    ],
)
def test_what_was_drawn_stays_as_it_was_written(run: Run, statement: str) -> None:
    below(run)
    take_in(run)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
