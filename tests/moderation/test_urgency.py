"""Ages, severity, deadlines and priority: the pure rules behind the order of the queue."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain import ages, deadlines, priority
from moderation.domain.priority import Circumstances
from moderation.domain.severity import RANK, graver, severity_of
from moderation.domain.vocabulary import Severity

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
BANDS = st.sampled_from(["", *ages.MINOR_BANDS])
POINTS = st.floats(-200, 1500)
CIRCUMSTANCES = st.builds(
    Circumstances,
    youngest=BANDS,
    accepted=st.integers(0, 50),
    linked=st.integers(0, 50),
    recent=st.booleans(),
)


@pytest.mark.parametrize(
    ("day", "band"),
    [
        (date(2026, 6, 14), "under_13"),
        (date(2026, 6, 15), "13_15"),
        (date(2029, 6, 14), "13_15"),
        (date(2029, 6, 15), "16_17"),
        (date(2031, 6, 14), "16_17"),
        (date(2031, 6, 15), "18_plus"),
    ],
)
def test_a_birthday_changes_the_band_on_its_day(day: date, band: str) -> None:
    born = date(2013, 6, 15)
    assert ages.band_at(day, birth_date=born, birth_year=1970, age_band="18_plus") == band


def test_the_most_exact_record_of_an_age_counts() -> None:
    day = date(2026, 1, 1)
    assert ages.band_at(day, birth_date=None, birth_year=2012, age_band="16_17") == "13_15"
    # 1 July stands for a birthday that is not known
    june, july = date(2026, 6, 30), date(2026, 7, 1)
    assert ages.band_at(june, birth_date=None, birth_year=2013, age_band="") == "under_13"
    assert ages.band_at(july, birth_date=None, birth_year=2013, age_band="") == "13_15"
    assert ages.band_at(day, birth_date=None, birth_year=None, age_band="16_17") == "16_17"
    assert ages.band_at(day, birth_date=None, birth_year=None, age_band="") == "unknown"


def test_somebody_born_on_a_leap_day_turns_on_the_first_of_march() -> None:
    born = date(2012, 2, 29)
    bands = [
        ages.band_at(date(2025, 2, 28), birth_date=born, birth_year=None, age_band=""),
        ages.band_at(date(2025, 3, 1), birth_date=born, birth_year=None, age_band=""),
    ]
    assert bands == ["under_13", "13_15"]


def test_adults_and_unknown_ages_are_no_youngest_child() -> None:
    assert ages.youngest({"18_plus", "unknown"}) == ""
    assert ages.youngest({"18_plus", "16_17", "13_15"}) == "13_15"


@given(points=POINTS, more=st.floats(0, 500), band=BANDS)
def test_more_points_or_a_younger_child_never_make_a_case_less_grave(
    points: float, more: float, band: str
) -> None:
    severity = severity_of(points, band)
    assert RANK[severity_of(points + more, band)] >= RANK[severity]
    assert RANK[severity_of(points, "under_13")] >= RANK[severity]
    assert graver(severity, severity_of(points, "")) is severity


def test_a_younger_child_makes_the_same_points_graver() -> None:
    assert severity_of(219.9, "16_17") is Severity.STANDARD
    assert severity_of(220.0, "") is Severity.HIGH
    assert severity_of(200.0, "13_15") is Severity.HIGH
    assert severity_of(180.0, "under_13") is Severity.HIGH
    assert severity_of(400.0, "16_17") is Severity.CRITICAL
    assert severity_of(360.0, "under_13") is Severity.CRITICAL


@pytest.mark.parametrize(("severity", "hours"), [("critical", 4), ("high", 24), ("standard", 72)])
def test_deadlines(severity: str, hours: int) -> None:
    due = deadlines.due(START, Severity(severity))
    assert due == START + timedelta(hours=hours)
    assert deadlines.share_used(START, due, START) == 0
    assert deadlines.share_used(START, due, START - timedelta(hours=1)) == 0
    assert deadlines.share_used(START, due, START + timedelta(hours=hours / 2)) == 0.5
    assert deadlines.share_used(START, due, due + timedelta(hours=hours)) == 2


def test_a_deadline_at_its_own_start_uses_nothing() -> None:
    assert deadlines.share_used(START, START, START + timedelta(hours=1)) == 0


@given(points=POINTS, around=CIRCUMSTANCES, used=st.floats(0, 5))
def test_the_priority_is_the_sum_of_the_factors_that_are_shown(
    points: float, around: Circumstances, used: float
) -> None:
    named = priority.factors(points, around, used)
    assert named.keys() == priority.LABELS.keys()
    assert priority.priority(named) == pytest.approx(sum(named.values()), abs=0.05)
    assert all(value >= 0 for name, value in named.items() if name != "points")


@given(points=POINTS, around=CIRCUMSTANCES, used=st.floats(0, 5), later=st.floats(0, 5))
def test_waiting_alone_moves_a_waiting_case(
    points: float, around: Circumstances, used: float, later: float
) -> None:
    named = priority.factors(points, around, used)
    assert priority.with_waiting(named, used + later) == priority.factors(
        points, around, used + later
    )
    assert priority.with_waiting(named, used + later)["waiting"] >= named["waiting"]


def test_the_factors_in_points() -> None:
    around = Circumstances(youngest="13_15", accepted=3, linked=1, recent=True)
    assert priority.factors(130.04, around, 0.5) == {
        "points": 130.0,
        "youngest": 40.0,
        "accepted": 15.0,
        "linked": 20.0,
        "recent": 40.0,
        "waiting": 40.0,
    }


@given(points=POINTS, around=CIRCUMSTANCES, used=st.floats(0, 10))
def test_the_factors_that_a_page_shows_add_up_to_the_priority_that_it_shows(
    points: float, around: Circumstances, used: float
) -> None:
    named = priority.factors(points, around, used)
    shown = sum(priority.whole(number) for number in named.values())
    assert shown == priority.whole(priority.priority(named))


def test_halves_are_rounded_alike_in_a_factor_and_in_the_sum() -> None:
    named = {"points": 120.5, "accepted": 5.0}
    assert [priority.whole(n) for n in named.values()] == [121, 5]
    assert priority.whole(priority.priority(named)) == 126
