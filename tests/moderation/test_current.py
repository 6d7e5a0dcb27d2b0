"""Whether a case has fallen: the pure rule, and what a page says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.current import DEFAULT, Bounds, has_fallen, sentence
from moderation.domain.intake import Found, Known, Step, falls, judge
from moderation.domain.transitions import State
from moderation.domain.vocabulary import Severity

POINTS = st.floats(-300.0, 500.0, allow_nan=False)
BOUNDS = st.builds(Bounds, st.floats(-50.0, 300.0), st.floats(0.0, 100.0))
KNOWN = Known(
    state=State.OPEN,
    run=1,
    thresholds=1,
    points=151.0,
    points_when_decided=None,
    minors=4,
    reasons=frozenset(),
    severity=Severity.STANDARD,
)
FOUND = Found(
    run=2,
    thresholds=1,
    flagged=False,
    points=151.0,
    minors=4,
    reasons=frozenset(),
    severity=Severity.STANDARD,
)


def _walk(scores: list[float], bounds: Bounds, points: float) -> list[bool]:
    """How a case that opened at ``points`` stands after each of ``scores``."""
    fallen, standing = False, []
    for score in scores:
        fallen = has_fallen(
            fallen=fallen, points_before=points, before=bounds, points=score, now=bounds
        )
        points = score
        standing.append(fallen)
    return standing


@given(scores=st.lists(POINTS, min_size=1), bounds=BOUNDS, above=st.floats(0.0, 100.0))
def test_a_case_that_opened_at_the_threshold_stands_as_the_last_bound_crossed_says(
    scores: list[float], bounds: Bounds, above: float
) -> None:
    found = _walk(scores, bounds, bounds.open_at + above)
    outside = [s for s in scores if s >= bounds.open_at or s < bounds.kept_from]
    assert found[-1] is bool(outside and outside[-1] < bounds.kept_from)


@given(scores=st.lists(POINTS, min_size=1), bounds=BOUNDS)
def test_between_the_bounds_nothing_changes(scores: list[float], bounds: Bounds) -> None:
    standing = [False, *_walk(scores, bounds, bounds.open_at)]
    for place, score in enumerate(scores):
        if bounds.kept_from <= score < bounds.open_at:
            assert standing[place + 1] is standing[place]


@given(scores=st.lists(st.floats(-300.0, 149.9), min_size=1), start=st.floats(-300.0, 149.9))
def test_a_case_that_never_reached_the_bound_has_not_fallen(
    scores: list[float], start: float
) -> None:
    assert not any(_walk(scores, DEFAULT, start))


@given(points=POINTS, fallen=st.booleans(), open_at=st.floats(-50.0, 300.0))
def test_without_a_margin_both_bounds_are_one(points: float, fallen: bool, open_at: float) -> None:
    bounds = Bounds(open_at, 0.0)
    assert has_fallen(
        fallen=fallen, points_before=open_at, before=bounds, points=points, now=bounds
    ) is (points < open_at)


@pytest.mark.parametrize(
    ("open_at", "keep_margin", "fallen"),
    [(170.0, 20.0, False), (200.0, 20.0, True), (200.0, 60.0, False), (170.0, 0.0, True)],
)
def test_each_assessment_is_measured_by_the_set_of_its_own_run(
    open_at: float, keep_margin: float, fallen: bool
) -> None:
    """165 points, once under the set by which the case opened and then under another."""
    now = Bounds(open_at, keep_margin)
    assert (
        has_fallen(fallen=False, points_before=165.0, before=DEFAULT, points=165.0, now=now)
        is fallen
    )


# -- What intake makes of it ---------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.OPEN, State.IN_REVIEW, State.ESCALATED, State.MONITORING])
def test_crossing_a_bound_reaches_a_live_case_however_small_the_step(state: State) -> None:
    known = replace(KNOWN, state=state, points_when_decided=165.0)
    assert judge(known, replace(FOUND, points=149.9), reopen_points=40.0) is Step.UPDATE
    assert judge(known, replace(FOUND, points=150.0), reopen_points=40.0) is Step.NOTHING
    fallen = replace(known, points=168.0, fallen=True)
    assert judge(fallen, replace(FOUND, points=170.0), reopen_points=40.0) is Step.UPDATE
    assert judge(fallen, replace(FOUND, points=169.9), reopen_points=40.0) is Step.NOTHING
    assert judge(fallen, replace(FOUND, points=159.0), reopen_points=40.0) is Step.NOTHING


def test_other_thresholds_alone_can_let_a_case_fall_and_bring_it_back() -> None:
    higher = replace(FOUND, thresholds=2, bounds=Bounds(180.0, 20.0))
    assert judge(KNOWN, higher, reopen_points=40.0) is Step.UPDATE
    assert falls(KNOWN, higher)
    known = replace(KNOWN, fallen=True, bounds=higher.bounds, thresholds=2)
    lower = replace(FOUND, thresholds=3, bounds=Bounds(150.0, 20.0))
    assert judge(known, lower, reopen_points=40.0) is Step.UPDATE
    assert not falls(known, lower)


@pytest.mark.parametrize("state", [State.DISMISSED, State.REFERRED])
def test_an_ended_case_is_none_of_its_business(state: State) -> None:
    known = replace(KNOWN, state=state, points_when_decided=151.0)
    assert judge(known, replace(FOUND, points=20.0), reopen_points=40.0) is Step.NOTHING


def test_an_assessment_that_is_not_newer_lets_nothing_fall() -> None:
    assert judge(KNOWN, replace(FOUND, run=1, points=20.0), reopen_points=40.0) is Step.NOTHING


def test_a_drawn_account_opens_a_case_once() -> None:
    drawn = replace(FOUND, points=-20.0, drawn=True)
    assert judge(None, drawn, reopen_points=40.0) is Step.OPEN
    assert judge(None, replace(drawn, drawn=False), reopen_points=40.0) is Step.NOTHING
    for state in State:
        known = replace(KNOWN, state=state, points=-20.0, points_when_decided=-20.0)
        for new_events in (False, True):
            again = replace(drawn, new_events=new_events)
            assert judge(known, again, reopen_points=40.0) is Step.NOTHING


# -- Words ---------------------------------------------------------------------------------------


STAYS = " It stays here until somebody decides."


@pytest.mark.parametrize(
    ("points", "bounds", "words"),
    [
        (
            116.2,
            DEFAULT,
            "has fallen to 116 points, more than 20 below the 170 at which cases open.",
        ),
        (
            149.8,
            DEFAULT,
            "has fallen to just under 150 points, more than 20 below the 170 at which cases open.",
        ),
        (
            -12.0,
            DEFAULT,
            "has fallen to −12 points, more than 20 below the 170 at which cases open.",
        ),
        (
            155.0,
            DEFAULT,
            "fell more than 20 points below the 170 at which cases open, and is 155 now.",
        ),
        (
            116.0,
            Bounds(150.0, 0.0),
            "has fallen to 116 points, below the 150 at which cases open.",
        ),
        (
            116.0,
            Bounds(150.5, 7.25),
            "has fallen to 116 points, more than 7.25 below the 150.5 at which cases open.",
        ),
    ],
)
def test_the_sentence_gives_the_numbers(points: float, bounds: Bounds, words: str) -> None:
    assert sentence(points, bounds) == f"Its score {words}{STAYS}"
