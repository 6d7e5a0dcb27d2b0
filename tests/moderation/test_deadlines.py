"""Deadlines in working time: against a clock that is asked every quarter of an hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from audit.actors import Actor
from audit.models import Entry
from moderation.domain.deadlines import STANDING, Terms, WorkingTime, due, share_used, worked
from moderation.domain.vocabulary import Severity
from moderation.errors import InvalidDecision
from moderation.models import Breach, DeadlineTerms
from moderation.selectors import terms as select
from moderation.services import claims, decisions, escalation, terms, undo, upkeep
from staff.errors import NotAllowed
from staff.models import User
from tests.moderation import factories
from tests.moderation.scenarios import set_column
from tests.moderation.sql import refused

SYSTEM = Actor.system("worker")
QUARTER = timedelta(minutes=15)
# With half an hour of summer time, an offset of 5:45, and summer time in the south.
ZONES = ("UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
# Around the days on which clocks change, as well as any other day.
DAYS = st.one_of(
    st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    st.sampled_from([date(2026, m, d) for m, d in ((3, 8), (3, 29), (4, 5), (10, 25), (11, 1))]),
)
MOMENTS = st.builds(
    lambda day, quarters: datetime.combine(day, time(0), UTC) + quarters * QUARTER,
    DAYS,
    st.integers(0, 95),
)


@st.composite
def working_times(draw: Any) -> WorkingTime:
    # Clocks change between midnight and five: no shift of a team begins or ends just then.
    start = draw(st.sampled_from([time(0), time(5, 15), time(9), time(13, 45)]))
    end = draw(st.sampled_from([time(14), time(17, 30), time(23, 45), None]))
    around = draw(st.lists(DAYS, max_size=3))
    return WorkingTime(
        zone=draw(st.sampled_from(ZONES)),
        days=frozenset(draw(st.sets(st.integers(0, 6), min_size=1))),
        start=start,
        end=end,
        holidays=frozenset(around),
    )


def _is_worked(moment: datetime, working: WorkingTime) -> bool:
    local = moment.astimezone(ZoneInfo(working.zone))
    return (
        local.weekday() in working.days
        and local.date() not in working.holidays
        and local.time() >= working.start
        and (working.end is None or local.time() < working.end)
    )


@given(since=MOMENTS, quarters=st.integers(0, 96 * 9), working=working_times())
@examples(max_examples=60)
def test_working_time_is_what_the_clock_on_the_wall_says(
    since: datetime, quarters: int, working: WorkingTime
) -> None:
    ticks = sum(_is_worked(since + n * QUARTER, working) for n in range(quarters))
    assert worked(since, since + quarters * QUARTER, working) == ticks * QUARTER


@given(since=MOMENTS, working=working_times(), hours=st.integers(1, 90))
def test_exactly_the_allowed_time_is_worked_until_the_deadline(
    since: datetime, working: WorkingTime, hours: int
) -> None:
    allowed = timedelta(hours=hours)
    found = due(since, Severity.HIGH, Terms({Severity.HIGH: allowed}, working))
    assert worked(since, found, working) == allowed
    assert _is_worked(found - QUARTER / 15, working), "it is not due while nobody works"
    assert share_used(since, found, found, working) == 1


@given(moments=st.lists(MOMENTS, min_size=2, max_size=5), working=working_times())
def test_who_waits_longer_is_due_no_later(moments: list[datetime], working: WorkingTime) -> None:
    found = [due(m, Severity.STANDARD, Terms(working=working)) for m in sorted(moments)]
    assert all(earlier <= later for earlier, later in pairwise(found))


@given(since=MOMENTS, working=working_times())
def test_critical_cases_wait_for_no_opening_time(since: datetime, working: WorkingTime) -> None:
    assert due(since, Severity.CRITICAL, Terms(working=working)) == since + timedelta(hours=4)
    for severity in Severity:
        assert due(since, severity, STANDING) == since + STANDING.allowed[severity]


OFFICE = WorkingTime("Europe/London", frozenset(range(5)), time(9), time(17))


def test_a_weekend_and_a_holiday_in_words() -> None:
    eight = Terms({Severity.HIGH: timedelta(hours=8)}, OFFICE)
    friday = datetime(2026, 11, 20, 15, tzinfo=UTC)
    assert due(friday, Severity.HIGH, eight) == datetime(2026, 11, 23, 15, tzinfo=UTC)
    closed = WorkingTime(
        "Europe/London", frozenset(range(5)), time(9), time(17), frozenset({date(2026, 11, 23)})
    )
    eight = Terms({Severity.HIGH: timedelta(hours=8)}, closed)
    assert due(friday, Severity.HIGH, eight) == datetime(2026, 11, 24, 15, tzinfo=UTC)
    # Summer time ends on 25 October: nine in London is an hour later then.
    friday = datetime(2026, 10, 23, 16, tzinfo=UTC)
    assert due(friday, Severity.HIGH, eight) == datetime(2026, 10, 26, 17, tzinfo=UTC)


def test_a_deadline_without_working_time_before_it_counts_round_the_clock() -> None:
    saturday = datetime(2026, 11, 21, 10, tzinfo=UTC)
    until = saturday + timedelta(hours=4)
    assert share_used(saturday, until, saturday + timedelta(hours=2), OFFICE) == 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        {"days": frozenset()},
        {"days": frozenset({7})},
        {"start": time(9), "end": time(9)},
        {"holidays": frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(367))},
    ],
)
def test_a_team_that_never_works_is_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"team|day|holidays"):
        WorkingTime(**wrong)


# -- Set by an admin -----------------------------------------------------------------------------

GIVEN: dict[str, Any] = {
    "hours": {"critical": 2, "high": 8, "standard": 24},
    "zone": "Europe/London",
    "days": [0, 1, 2, 3, 4],
    "start": time(9),
    "end": time(17),
    "holidays": [date(2026, 12, 25)],
    "note": "We close at night from December on.",
}


@pytest.mark.django_db
def test_an_admin_sets_the_terms_for_every_wait_that_begins(admin: User, moderator: User) -> None:
    before = factories.case()
    terms.set_terms(actor=Actor.of_user(admin), **GIVEN)
    opened = factories.case()
    now = select.current()
    assert now.working == WorkingTime(
        "Europe/London", frozenset(range(5)), time(9), time(17), frozenset({date(2026, 12, 25)})
    )
    assert opened.due_at == due(opened.waiting_since, Severity.STANDARD, now)
    assert before.due_at == before.waiting_since + timedelta(hours=72)
    held = claims.claim(actor=Actor.of_user(moderator), case_id=before.pk)
    escalated = escalation.escalate(
        actor=Actor.of_user(moderator),
        case_id=held.pk,
        version=held.version,
        severity="critical",
        note="x",
        ask="x",
    )
    assert escalated.due_at - escalated.waiting_since == timedelta(hours=2)
    entry = Entry.objects.get(verb="deadlines.set")
    assert entry.before["hours"] == {"critical": 4.0, "high": 24.0, "standard": 72.0}
    assert entry.after["holidays"] == ["2026-12-25"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"hours": {"critical": 0, "high": 8, "standard": 24}}, "critical"),
        ({"hours": {"critical": 9, "high": 8, "standard": 24}}, "critical"),
        ({"hours": {"critical": 1, "high": 8, "standard": float("nan")}}, "standard"),
        ({"zone": "Europe/Atlantis"}, "zone"),
        ({"days": []}, "days"),
        ({"end": time(9)}, "end"),
        ({"note": " "}, "note"),
    ],
)
def test_terms_that_make_no_sense_are_refused(
    admin: User, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidDecision) as refusal:
        terms.set_terms(actor=Actor.of_user(admin), **(GIVEN | wrong))
    assert set(refusal.value.errors) == {field}
    assert not DeadlineTerms.objects.exists()


# -- Missed --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_missed_deadline_is_recorded_once_for_each_wait(moderator: User) -> None:
    late, _early, monitored = factories.case(), factories.case(), factories.monitored(moderator)
    for case in (late, monitored):
        set_column(case, "due_at", factories.ago(minutes=1))
    assert terms.record_breaches(actor=SYSTEM) == 1
    assert terms.record_breaches(actor=SYSTEM) == 0
    breach = Breach.objects.get()
    assert (breach.case, breach.state, breach.severity) == (late, "open", late.severity)
    entry = Entry.objects.get(verb="case.breach")
    assert (entry.target, entry.actor) == (f"case:{late.reference}", "system:worker")
    # It waits anew, and misses that deadline as well.
    set_column(late, "waiting_since", timezone.now())
    assert terms.record_breaches(actor=SYSTEM) == 1
    assert not Breach.objects.exclude(case=late).exists()
    with pytest.raises(NotAllowed):
        terms.record_breaches(actor=Actor.of_user(moderator))


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["dismiss", "monitor", "escalate", "return"])
def test_a_late_decision_does_not_hide_that_it_was_late(
    moderator: User, supervisor: User, what: str
) -> None:
    """It ends the wait, so that the sweep some minutes later would find nothing."""
    case = factories.escalated(moderator) if what == "return" else factories.held(moderator)
    set_column(case, "due_at", factories.ago(seconds=1))
    words: dict[str, Any] = {"case_id": case.pk, "version": case.version, "note": "x"}
    mo = Actor.of_user(moderator)
    if what == "dismiss":
        decisions.dismiss(actor=mo, reason="family", **words)
    elif what == "monitor":
        decisions.monitor(actor=mo, until=timezone.localdate() + timedelta(days=9), **words)
    elif what == "escalate":
        escalation.escalate(actor=mo, severity="high", ask="x", **words)
    else:
        escalation.send_back(actor=Actor.of_user(supervisor), **words)
    breach = Breach.objects.get()
    assert (breach.case, breach.state) == (case, case.state)
    assert breach.waiting_since == case.waiting_since
    entry = Entry.objects.get(verb="case.breach")
    assert (entry.target, entry.actor) == (f"case:{case.reference}", "system:worker")
    assert terms.record_breaches(actor=SYSTEM) == 0


@pytest.mark.django_db
def test_a_breach_is_noted_once_by_the_sweep_and_the_decision(moderator: User) -> None:
    late, early = factories.held(moderator), factories.held(moderator)
    set_column(late, "due_at", factories.ago(seconds=1))
    assert terms.record_breaches(actor=SYSTEM) == 1
    for case in (late, early):
        decisions.dismiss(
            actor=Actor.of_user(moderator),
            case_id=case.pk,
            version=case.version,
            reason="family",
            note="x",
        )
    assert [breach.case for breach in Breach.objects.all()] == [late]
    # Taken back, the same wait goes on; decided again, it is still that one breach.
    late.refresh_from_db()
    back = undo.undo(actor=Actor.of_user(moderator), case_id=late.pk, version=late.version)
    decisions.dismiss(
        actor=Actor.of_user(moderator),
        case_id=late.pk,
        version=back.version,
        reason="family",
        note="x",
    )
    assert Breach.objects.count() == 1


@pytest.mark.django_db
def test_the_time_waited_stands_still_while_the_team_is_closed(admin: User) -> None:
    given = GIVEN | {"days": [(timezone.localdate().weekday() + 3) % 7], "zone": "UTC"}
    terms.set_terms(actor=Actor.of_user(admin), **given)
    waiting = factories.case()
    set_column(waiting, "waiting_since", factories.ago(hours=20))
    assert upkeep.reprioritise(actor=SYSTEM) == 0
    critical = factories.case(points=450.0)
    set_column(critical, "waiting_since", factories.ago(hours=2))
    set_column(critical, "due_at", factories.ago(hours=-2))
    assert upkeep.reprioritise(actor=SYSTEM) == 1


@pytest.mark.django_db(transaction=True)
def test_sql_changes_no_terms_and_no_breach(admin: User) -> None:
    terms.set_terms(actor=Actor.of_user(admin), **GIVEN)
    case = factories.case()
    set_column(case, "due_at", factories.ago(minutes=1))
    terms.record_breaches(actor=SYSTEM)
    for statement in (
        "UPDATE moderation_deadlineterms SET note = 'x'",
        "DELETE FROM moderation_deadlineterms",
        "UPDATE moderation_breach SET severity = 'standard'",
        "DELETE FROM moderation_breach",
    ):
        with refused("this is kept as it was written") as intruder:
            intruder.run(statement)
