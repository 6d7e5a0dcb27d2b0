"""Average precision and its kin, against hand-computed figures and brute force."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.ranking import (
    average_precision,
    average_precision_interval,
    hits_at,
    precision_at,
    recall_at,
    wilson,
)

ranked = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=60).map(
    lambda rows: ([float(score) for score, _ in rows], [label for _, label in rows])
)
short = st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6).map(
    lambda rows: ([float(score) for score, _ in rows], [label for _, label in rows])
)


def test_without_ties_it_is_the_mean_precision_at_each_positive() -> None:
    # positives at places 1, 3 and 6: (1/1 + 2/3 + 3/6) / 3
    scores = [9, 8, 7, 6, 5, 4]
    labels = [1, 0, 1, 0, 0, 1]
    assert average_precision(scores, labels) == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)


def test_a_ranking_that_says_nothing_is_worth_the_prevalence() -> None:
    assert average_precision([5.0] * 8, [1, 0, 0, 0, 1, 0, 0, 0]) == pytest.approx(2 / 8)


def test_no_positive_gives_no_figure() -> None:
    assert average_precision([1.0, 2.0], [0, 0]) is None
    assert average_precision([], []) is None
    assert recall_at([1.0, 2.0], [0, 0], 1) is None


@given(ranked)
def test_equals_its_definition(rows: tuple[list[float], list[bool]]) -> None:
    scores, labels = rows
    positives = sum(labels)
    expected, seen = 0.0, 0
    for threshold in sorted(set(scores), reverse=True):
        taken = [label for score, label in zip(scores, labels, strict=True) if score >= threshold]
        expected += (sum(taken) - seen) / max(positives, 1) * sum(taken) / len(taken)
        seen = sum(taken)
    found = average_precision(scores, labels)
    assert found is None if positives == 0 else found == pytest.approx(expected)


@given(ranked, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(
    rows: tuple[list[float], list[bool]], random: np.random.Generator
) -> None:
    scores, labels = rows
    places = list(range(len(scores)))
    random.shuffle(places)
    again = [scores[place] for place in places], [labels[place] for place in places]
    assert average_precision(*again) == pytest.approx(average_precision(scores, labels))
    assert hits_at(*again, 3) == pytest.approx(hits_at(scores, labels, 3))


@given(short, st.integers(1, 8))
def test_hits_are_the_mean_over_every_order_of_the_ties(
    rows: tuple[list[float], list[bool]], k: int
) -> None:
    scores, labels = rows
    orders = [
        order
        for order in permutations(range(len(scores)))
        if all(scores[a] >= scores[b] for a, b in pairwise(order))
    ]
    expected = np.mean([sum(labels[place] for place in order[:k]) for order in orders])
    assert hits_at(scores, labels, k) == pytest.approx(expected)
    assert precision_at(scores, labels, k) == pytest.approx(expected / min(k, len(scores)))


def test_accounts_without_a_score_stand_last_together() -> None:
    scores = [2.0, -np.inf, 1.0, -np.inf]
    labels = [1, 1, 0, 0]
    # the second step takes all four: 2 positives of 4
    assert average_precision(scores, labels) == pytest.approx((1 + 2 / 4) / 2)
    assert hits_at(scores, labels, 3) == pytest.approx(1.5)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="same length"):
        average_precision([1.0], [1, 0])
    with pytest.raises(ValueError, match="numbers"):
        average_precision([float("nan")], [1])
    with pytest.raises(ValueError, match="1 or more"):
        hits_at([1.0], [1], 0)


def test_the_interval_holds_the_figure_and_is_the_same_each_time() -> None:
    rng = np.random.default_rng(3)
    labels = np.arange(2_000) < 40
    scores = rng.normal(0, 1, 2_000) + 2.5 * labels
    interval = average_precision_interval(scores, labels)
    value = average_precision(scores, labels)
    assert interval is not None
    assert value is not None
    assert interval[0] < value < interval[1]
    assert interval == average_precision_interval(scores, labels)
    assert average_precision_interval([1.0, 2.0], [1, 0]) is None


def test_the_interval_of_a_perfect_ranking_is_a_point() -> None:
    assert average_precision_interval([3.0, 3.0, 1.0, 0.0], [1, 1, 0, 0]) == (1.0, 1.0)


def test_wilson() -> None:
    # the textbook case of 1 in 10
    low, high = wilson(1, 10) or (0.0, 0.0)
    assert (round(low, 4), round(high, 4)) == (0.0179, 0.4042)
    assert wilson(0, 0) is None
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
