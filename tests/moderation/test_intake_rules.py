"""What a new assessment means for a case: the pure rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from moderation.domain.intake import Found, Known, Step, is_newer, judge
from moderation.domain.transitions import State
from moderation.domain.vocabulary import Severity

EARLY, LATE = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
REASONS = frozenset({"no_mutuals", "refused"})
LIVE = Known(
    state=State.OPEN,
    run=7,
    thresholds=1,
    points=120.0,
    points_when_decided=None,
    minors=4,
    reasons=REASONS,
    severity=Severity.STANDARD,
)
SAME = Found(
    run=8,
    thresholds=1,
    flagged=True,
    points=120.0,
    minors=4,
    reasons=REASONS,
    severity=Severity.STANDARD,
)
MONITORED = replace(LIVE, state=State.MONITORING, points_when_decided=120.0)
DISMISSED = replace(LIVE, state=State.DISMISSED, points_when_decided=120.0)
REFERRED = replace(DISMISSED, state=State.REFERRED)


def step(known: Known | None, found: Found) -> Step:
    return judge(known, found, reopen_points=40.0)


def test_a_flagged_account_without_a_case_opens_one() -> None:
    assert step(None, SAME) is Step.OPEN
    assert step(None, replace(SAME, flagged=False)) is Step.NOTHING


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("run", [6, 7])
def test_an_assessment_that_is_not_newer_changes_nothing(state: State, run: int) -> None:
    known = replace(LIVE, state=state, points_when_decided=120.0)
    found = replace(SAME, run=run, points=900.0, minors=50, new_events=True, thresholds=2)
    assert step(known, found) is Step.NOTHING


@pytest.mark.parametrize(
    ("known", "found", "newer"),
    [
        (None, None, True),
        (None, EARLY, False),
        (EARLY, None, True),
        (EARLY, EARLY, True),
        (LATE, EARLY, False),
        (EARLY, LATE, True),
    ],
)
def test_a_later_run_that_looks_from_an_earlier_time_knows_less(
    known: datetime | None, found: datetime | None, newer: bool
) -> None:
    assert is_newer(replace(LIVE, until=known), replace(SAME, until=found)) is newer
    expected = Step.UPDATE if newer else Step.NOTHING
    assert step(replace(LIVE, until=known), replace(SAME, until=found, points=300.0)) is expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, Step.NOTHING),
        ({"points": 129.9}, Step.NOTHING),
        ({"points": 130.0}, Step.UPDATE),
        ({"points": 110.0}, Step.UPDATE),
        ({"points": 20.0, "flagged": False}, Step.UPDATE),
        ({"flagged": False}, Step.NOTHING),
        ({"minors": 5}, Step.UPDATE),
        ({"reasons": frozenset({"no_mutuals"})}, Step.UPDATE),
        ({"severity": Severity.HIGH}, Step.UPDATE),
        ({"thresholds": 2}, Step.NOTHING),
    ],
)
@pytest.mark.parametrize("state", [State.OPEN, State.IN_REVIEW, State.ESCALATED])
def test_a_live_case_takes_what_could_change_a_decision(
    state: State, change: dict[str, object], expected: Step
) -> None:
    assert step(replace(LIVE, state=state), replace(SAME, **change)) is expected  # type: ignore[arg-type]  # fields by name


def test_a_person_s_severity_is_no_reason_to_change_a_case_again_and_again() -> None:
    judged = replace(LIVE, state=State.ESCALATED, judged=True)
    assert step(judged, replace(SAME, severity=Severity.CRITICAL)) is Step.NOTHING


def test_a_monitored_case_resumes_when_its_score_rises_by_ten() -> None:
    assert step(MONITORED, replace(SAME, points=129.9)) is Step.NOTHING
    assert step(MONITORED, replace(SAME, points=130.0)) is Step.RESUME
    # Updated in small steps since: the rise is measured from the decision.
    assert step(replace(MONITORED, points=128.0), replace(SAME, points=130.0)) is Step.RESUME


@pytest.mark.parametrize(
    ("known", "back"),
    [(DISMISSED, Step.REOPEN), (REFERRED, Step.OPEN)],
    ids=["dismissed", "referred"],
)
def test_only_new_events_that_add_forty_points_bring_an_ended_case_back(
    known: Known, back: Step
) -> None:
    new = replace(SAME, new_events=True)
    assert step(known, replace(new, points=160.0)) is back
    assert step(known, replace(new, points=159.9)) is Step.NOTHING
    assert step(known, replace(new, points=160.0, flagged=False)) is Step.NOTHING
    assert step(known, replace(SAME, points=400.0)) is Step.NOTHING


def test_a_change_of_thresholds_alone_moves_the_base_and_brings_nothing_back() -> None:
    found = replace(SAME, points=300.0, thresholds=2)
    assert step(DISMISSED, found) is Step.REBASE
    rebased = replace(DISMISSED, run=8, thresholds=2, points=300.0, points_when_decided=300.0)
    later = replace(found, run=9, new_events=True)
    assert step(rebased, replace(later, points=339.0)) is Step.NOTHING
    assert step(rebased, replace(later, points=340.0)) is Step.REOPEN
