"""What single indicators make of plain counts: the ratios that the design argues for."""

from __future__ import annotations

import numpy as np
import pytest

from signals.engine.cohorts import Cohorts
from signals.indicators import (
    age_mismatch,
    blocked_reported,
    co_targeting,
    embedded,
    private_fast,
    private_threads,
)
from signals.indicators.base import Frame
from signals.spec import ThresholdSpec

SPEC = ThresholdSpec(cohort_size=50)
EVERYBODY = 400


def cohorts(threads_recorded: bool = True, child_like: np.ndarray | None = None) -> Cohorts:
    """Four hundred adults alike."""
    return Cohorts.build(
        np.full(EVERYBODY, 3, np.int8),
        np.zeros(EVERYBODY, np.int8),
        np.full((1, EVERYBODY), 10, np.int64),
        np.zeros(EVERYBODY, bool),
        0.3,
        np.zeros(EVERYBODY) if child_like is None else child_like,
        SPEC,
        threads_recorded=threads_recorded,
    )


def frame(**columns: list[float] | np.ndarray) -> Frame:
    rows = {name: np.asarray(values, np.float64)[None, :] for name, values in columns.items()}
    return Frame(np.arange(EVERYBODY), rows)


def with_first(few: list[float], usual: np.ndarray) -> np.ndarray:
    return np.concatenate([few, usual[len(few) :]])


def contacts(
    came: np.ndarray,
    went: np.ndarray,
    threads: np.ndarray | float = 0.0,
) -> Frame:
    """What ``embedded`` counts where nobody knows each other and every request is granted."""
    none = np.zeros(EVERYBODY)
    return frame(
        came=came,
        went=went,
        ties=none,
        granted=went,
        threads=none + threads,
    )


def test_who_is_alone_with_no_child_belongs_more() -> None:
    rng = np.random.default_rng(3)
    some = np.full(EVERYBODY, 6.0)
    went = with_first([60.0, 60.0, 60.0, 4.0], some)
    threads = with_first([0.0, 12.0, 40.0, 0.0], rng.binomial(6, rng.beta(1.0, 4.0, EVERYBODY)))
    found = embedded.judge(contacts(0.0 * some, went, threads), cohorts(), SPEC).llr[0]
    untold = embedded.judge(contacts(0.0 * some, went, threads), cohorts(False), SPEC).llr[0]
    open_, usual, aside, few = (found - untold)[:4]
    assert -np.log(10.0) - 0.1 < open_ < -2.0  # a tenth of offenders write to nobody here
    assert open_ < usual < aside
    assert aside == pytest.approx(0.0, abs=0.01)
    assert np.isnan(few)


def test_where_no_threads_are_recorded_nobody_s_absence_counts() -> None:
    none = np.zeros(EVERYBODY)
    rows = contacts(none, np.full(EVERYBODY, 60.0)), cohorts(False), SPEC
    assert embedded.judge(*rows).llr[0] == pytest.approx(0.0, abs=0.05)
    accepted = frame(
        **dict.fromkeys(("n", "k", "adult_n", "placed", "adult_placed"), none + 9.0),
        **dict.fromkeys(("night", "adult_night", "adult_k"), none),
    )
    fast = private_fast.judge(accepted, cohorts(False), SPEC).details["fast_says"]
    assert (fast == 0.0).all()
    assert (private_fast.judge(accepted, cohorts(), SPEC).details["fast_says"] > 0.0).all()


def test_children_who_come_first_speak_for_belonging() -> None:
    rng = np.random.default_rng(2)
    ordinary = rng.binomial(12, rng.beta(4.0, 6.0, EVERYBODY)).astype(float)
    came = with_first([14.0, 1.0, 6.0], ordinary)
    went = with_first([6.0, 19.0, 4.0], 12.0 - ordinary + 1.0)
    found = embedded.judge(contacts(came, went), cohorts(False), SPEC).llr[0]
    assert found[0] < -1.0  # a teacher
    assert found[1] == 0.0  # who asks, and is not asked: it only lowers
    assert found[0] < found[2] < -0.3
    assert (found[~np.isnan(found)] <= 0.0).all()


def test_likely_children_among_the_adults_are_no_measure_of_them() -> None:
    rng = np.random.default_rng(4)
    n = np.full(EVERYBODY, 12.0)
    child_like = np.where(np.arange(EVERYBODY) % 5 == 1, 0.9, 0.0)
    rate = np.where(child_like > 0.5, 0.8, 0.05)
    k = with_first([9.0], rng.binomial(12, rate).astype(float))[None, :]
    everybody = np.arange(EVERYBODY)
    mixed, _ = cohorts().rates(everybody, k, n[None, :])
    grown, _ = cohorts(child_like=child_like).rates(everybody, k, n[None, :])
    assert mixed[0, 0] > 0.15
    assert grown[0, 0] < 0.08


def test_threads_with_the_children_one_meets_anyway_say_less() -> None:
    rng = np.random.default_rng(5)
    n = np.full(EVERYBODY, 10.0)
    k = with_first([9.0, 9.0, 9.0], rng.binomial(10, 0.1, EVERYBODY).astype(float))
    ten = np.full(EVERYBODY, 10.0)
    adults = with_first([1.0, 1.0, 9.0], rng.binomial(10, 0.3, EVERYBODY).astype(float))
    counts = frame(
        k=k,
        n=n,
        any=k,
        adults=adults,
        met=with_first([10.0, 60.0, 10.0], ten),
        met_adults=with_first([60.0, 6.0, 60.0], 3.0 * ten),
        reached=with_first([10.0, 10.0, 10.0], ten),
        reached_adults=with_first([20.0, 20.0, 10.0], 2.0 * ten),
    )
    chosen, surrounded, writes = private_threads.judge(counts, cohorts(), SPEC).llr[0, :3]
    assert chosen > 1.0
    assert surrounded < chosen - 0.5  # meets hardly anybody but children
    assert writes < chosen - 0.3  # writes to nearly every adult as well


def test_nobody_belongs_where_children_never_come_first() -> None:
    nobody = contacts(np.zeros(EVERYBODY), np.full(EVERYBODY, 8.0))
    assert embedded.judge(nobody, cohorts(False), SPEC).llr[0] == pytest.approx(0.0, abs=0.05)


def test_a_few_reports_more_than_expected_are_nothing_where_many_are() -> None:
    rng = np.random.default_rng(3)
    k = with_first([30.0, 4.0], rng.poisson(0.05 * 20, EVERYBODY).astype(float))
    n = with_first([400.0, 20.0], np.full(EVERYBODY, 20.0))
    counts = frame(
        k=k * blocked_reported.UNIT,
        n=n,
        weight=0.7 * k * blocked_reported.UNIT,
        adults=np.zeros(EVERYBODY),
        met_adults=np.full(EVERYBODY, 10.0),
    )
    busy, few = blocked_reported.judge(counts, cohorts(), SPEC).llr[0, :2]
    assert busy < 1.0
    assert few > busy
    assert few <= 0.7 * 4


def test_a_link_counts_as_its_tail_does() -> None:
    worth = with_first([np.log(1e6) * co_targeting.UNIT, 0.0, -1.0], np.full(EVERYBODY, -1.0))
    counts = frame(worth=worth, k=np.full(EVERYBODY, 3.0), n=np.full(EVERYBODY, 9.0), e=worth * 0)
    found = co_targeting.judge(counts, cohorts(), SPEC).llr[0]
    assert found[0] == pytest.approx(np.log(1e6) - 2 * np.log(np.log(1e6)), abs=0.1)
    assert found[1] == 0.0
    assert np.isnan(found[2])


def test_a_childlike_adult_is_checked_whomever_it_contacted() -> None:
    some = np.ones(EVERYBODY)
    counts = frame(
        n=8 * some,
        band=with_first([3.0, 1.0, 1.0], 3 * some),
        adults=some,
        strangers=with_first([0.0, 0.0, 5.0], 0 * some),
        looks=3.2 * age_mismatch.UNIT * some,
    )
    found = age_mismatch.judge(counts, cohorts(), SPEC)
    adult, child, approaching_child = found.details["looks"][0, :3]
    assert adult == approaching_child == pytest.approx(3.2)
    assert np.isnan(child)
    assert np.isnan(found.llr[0, :2]).all()  # no points, either way
    assert found.llr[0, 2] == pytest.approx(3.2)
