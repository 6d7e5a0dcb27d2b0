"""Cohorts: who is compared with whom, and the distributions fitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from signals.engine.beta_binomial import fit_cells, kept
from signals.engine.cohorts import Cohorts
from signals.scoring import rate_llr
from signals.spec import ThresholdSpec

ADULT, CHILD = 3, 1


def cohorts(
    band: np.ndarray, activity: np.ndarray, offender: np.ndarray | None = None, size: int = 50
) -> Cohorts:
    return Cohorts.build(
        band.astype(np.int8),
        np.zeros(len(band), np.int8),
        activity[None, :].astype(np.int64),
        np.zeros(len(band), bool) if offender is None else offender,
        0.3,
        np.zeros(len(band)),
        ThresholdSpec(cohort_size=size, trim=0.0),
    )


def test_the_fit_is_the_likeliest() -> None:
    rng = np.random.default_rng(5)
    n = rng.integers(3, 40, 3000)
    k = stats.betabinom.rvs(n, 1.2, 4.8, random_state=rng)

    def surprise(x: np.ndarray) -> float:
        a, b = np.exp(x)
        return -float(stats.betabinom.logpmf(k, n, a, b).sum())

    best = np.exp(optimize.minimize(surprise, [0.0, 1.0], method="Nelder-Mead").x)
    mean, concentration = fit_cells(np.zeros(3000, int), k * 1.0, n.astype(np.float64), 1, 0.0)
    assert mean[0] == pytest.approx(best[0] / best.sum(), abs=0.002)
    assert concentration[0] == pytest.approx(best.sum(), rel=0.05)


@pytest.mark.parametrize(
    ("size", "trim", "stay"),
    [(1, 0.01, 1), (2, 0.01, 1), (99, 0.01, 98), (100, 0.01, 99), (1000, 0.01, 990), (99, 0.0, 99)],
)
def test_the_most_extreme_one_is_left_out_at_least(size: int, trim: float, stay: int) -> None:
    assert kept(np.array([size]), trim)[0] == stay


def test_one_offender_is_no_part_of_a_small_cohort() -> None:
    k = np.concatenate([[20.0], np.full(59, 2.0)])
    n = np.full(60, 20.0)
    mean, concentration = fit_cells(np.zeros(60, int), k, n, 1, 0.01)
    assert mean[0] == pytest.approx(0.1, abs=0.01)
    assert concentration[0] > 100.0


def test_a_cohort_without_scatter_stays_bounded() -> None:
    n = np.full(500, 20.0)
    mean, concentration = fit_cells(np.zeros(500, int), np.full(500, 5.0), n, 1, 0.0)
    assert mean[0] == pytest.approx(0.25, abs=0.01)
    assert concentration[0] == 300.0


@pytest.mark.parametrize("k", [0.0, 4.0])
def test_nothing_or_everything_stays_inside(k: float) -> None:
    mean, concentration = fit_cells(np.zeros(9, int), np.full(9, k), np.full(9, 4.0), 1, 0.01)
    assert 0.0 < mean[0] < 1.0
    assert np.isfinite(concentration[0])


def test_a_cell_without_accounts_is_neutral() -> None:
    mean, _ = fit_cells(np.zeros(0, int), np.zeros(0), np.zeros(0), 2, 0.01)
    assert mean == pytest.approx([0.5, 0.5])


def test_ten_million_events_of_one_account_are_one_account() -> None:
    k = np.append(np.full(100, 2.0), 9e6)
    n = np.append(np.full(100, 10.0), 1e7)
    mean, _ = fit_cells(np.zeros(101, int), k, n, 1, 0.0)
    assert mean[0] < 0.3


def test_the_most_extreme_are_left_out() -> None:
    k = np.append(np.full(198, 1.0), [10.0, 10.0])
    n = np.full(200, 10.0)
    plain, _ = fit_cells(np.zeros(200, int), k, n, 1, 0.0)
    trimmed, _ = fit_cells(np.zeros(200, int), k, n, 1, 0.01)
    assert trimmed[0] < plain[0]


def test_adults_are_compared_with_adults_where_there_are_enough() -> None:
    band = np.repeat([ADULT, CHILD], 400)
    k = np.where(band == ADULT, 1.0, 8.0)[None, :]
    n = np.full((1, 800), 10.0)
    mean, _ = cohorts(band, np.full(800, 5)).rates(np.arange(800), k, n)
    assert mean[0, 0] == pytest.approx(0.1, abs=0.02)
    assert mean[0, -1] == pytest.approx(0.8, abs=0.02)


def test_too_few_are_compared_with_everybody() -> None:
    band = np.repeat([ADULT, CHILD], [20, 400])
    k = np.where(band == ADULT, 1.0, 8.0)[None, :]
    mean, _ = cohorts(band, np.full(420, 5)).rates(np.arange(420), k, np.full((1, 420), 10.0))
    assert mean[0, 0] > 0.6


def test_confirmed_offenders_are_no_comparison() -> None:
    band = np.full(300, ADULT)
    k = np.concatenate([np.full(200, 1.0), np.full(100, 10.0)])[None, :]
    n = np.full((1, 300), 10.0)
    offender = np.arange(300) >= 200
    with_, _ = cohorts(band, np.full(300, 5)).rates(np.arange(300), k, n)
    without, _ = cohorts(band, np.full(300, 5), offender).rates(np.arange(300), k, n)
    assert without[0, 0] < 0.15 < with_[0, 0]


def test_tails_count_accounts_without_a_row_as_nothing() -> None:
    """Of 100 active accounts ten have rows, with 1 … 10."""
    found = cohorts(np.full(100, ADULT), np.full(100, 5))
    rows = np.arange(10)
    tails = found.tails(rows, (rows + 1).astype(np.float64)[None, :])[0]
    # k or more: those above, half of the equal, half an imagined one, of 101
    assert tails == pytest.approx((9 - rows + 0.5 + 0.5) / 101)


def test_z_scores_of_one_size_are_standard() -> None:
    rng = np.random.default_rng(3)
    size = rng.integers(1, 4, 3000).astype(float)
    values = rng.normal(size * 5, size)
    z, usual = cohorts(np.full(3000, ADULT), np.full(3000, 5)).same_size(
        np.arange(3000), values[None, :], size[None, :]
    )
    for which in (1.0, 2.0, 3.0):
        inside = z[0, size == which]
        assert inside.mean() == pytest.approx(0, abs=0.05)
        assert inside.std() == pytest.approx(1, abs=0.05)
    assert usual[0, size == 2.0][0] == pytest.approx(10, abs=0.3)


def test_harmless_may_mean_a_child_recorded_as_an_adult() -> None:
    """Adults do it in 1 of 10 contacts, children in 8 of 10: only who looks like a child gains."""
    adults, children = 400, 400
    band = np.repeat([ADULT, CHILD], [adults, children])
    plain = cohorts(band, np.full(800, 10))
    like = np.zeros(800)
    like[0] = 0.7
    some = replace(plain, child_like=like)
    k = np.tile(np.repeat([1.0, 8.0], [adults, children]), (1, 1))
    k[0, :2] = 8.0
    n = np.full((1, 800), 10.0)
    account = np.arange(800)
    mean, concentration = some.rates(account, k, n)
    llr = rate_llr(k, n, mean, concentration, 0.85, 6.0)
    mixed = some.or_a_child(llr, account, k, n, 0.85)
    assert llr[0, 0] == llr[0, 1] > 2.0
    assert mixed[0, 0] < 1.0  # eight of ten is what children do
    assert (mixed[0, 1:] == llr[0, 1:]).all()
    # what neither adults nor children do counts as before
    both = np.where(np.arange(800) < 2, 8.0, 1.0)[None, :]
    mean, concentration = some.rates(account, both, n)
    llr = rate_llr(both, n, mean, concentration, 0.85, 6.0)
    assert some.or_a_child(llr, account, both, n, 0.85)[0, 0] == pytest.approx(llr[0, 0], abs=0.2)
