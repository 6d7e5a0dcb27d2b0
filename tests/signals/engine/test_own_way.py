"""How an account's way with others moves what it is compared with."""

from __future__ import annotations

import numpy as np

from signals.engine.cohorts import Cohorts
from signals.indicators.own_way import moved
from signals.spec import ThresholdSpec

EVERYBODY = 400


def mean_of(other_k: float, other_n: float) -> float:
    """The mean of one account, whose cohort has a fifth, and a third of it with others."""
    cohorts = Cohorts.build(
        np.full(EVERYBODY, 3, np.int8),
        np.zeros(EVERYBODY, np.int8),
        np.full((1, EVERYBODY), 9),
        np.zeros(EVERYBODY, bool),
        0.3,
        np.zeros(EVERYBODY),
        ThresholdSpec(),
    )
    rng = np.random.default_rng(1)
    k = rng.binomial(9, 1.0 / 3.0, EVERYBODY).astype(float)
    n = np.full(EVERYBODY, 9.0)
    k[0], n[0] = other_k, other_n
    found = moved(cohorts, np.arange(EVERYBODY), np.full((1, EVERYBODY), 0.2), k[None], n[None])
    return float(found[0, 0])


def test_who_does_it_with_everybody_is_compared_with_that() -> None:
    assert mean_of(70.0, 70.0) > 0.8
    assert 0.2 < mean_of(5.0, 9.0) < mean_of(9.0, 9.0) < mean_of(70.0, 70.0)


def test_who_does_it_with_nobody_else_is_hardly_excused_for_that() -> None:
    assert 0.1 < mean_of(0.0, 70.0) < 0.2


def test_without_others_the_cohort_stands() -> None:
    assert abs(mean_of(0.0, 0.0) - 0.2) < 1e-9
