"""Log-likelihood ratios, groups, points and flags."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from signals import scoring
from signals.spec import GROUP_OF, KEYS, SpecError, ThresholdSpec

SPEC = ThresholdSpec()
rates = st.floats(0.02, 0.98)
concentrations = st.floats(2.0, 300.0)


def ratios(**given_: float) -> np.ndarray:
    """One account, one stretch; what is not given is not assessed."""
    llr = np.full((1, len(KEYS), 1), np.nan)
    for key, value in given_.items():
        llr[0, KEYS.index(key), 0] = value
    return llr


def total(spec: ThresholdSpec = SPEC, /, **given_: float) -> float:
    return float(scoring.combine(ratios(**given_), spec).llr[0, 0])


@given(st.integers(1, 60), rates, concentrations, rates)
def test_a_rate_below_the_cohort_never_speaks_against_an_account(
    n: int, mean: float, concentration: float, alternative: float
) -> None:
    k = np.arange(n + 1.0)
    llr = scoring.rate_llr(
        k, np.full(n + 1, float(n)), np.full(n + 1, mean), np.full(n + 1, concentration),
        alternative, 6.0,
    )  # fmt: skip
    assert (llr[k <= n * mean] <= 1e-12).all()


def test_beta_binomial_is_scipys() -> None:
    n, mean, concentration = 19.0, 0.2, 9.0
    one, other = (
        stats.betabinom.pmf(17, n, m * c, (1 - m) * c)
        for m, c in ((0.85, 6.0), (mean, concentration))
    )
    llr = scoring.rate_llr(
        np.array([17.0]), np.array([n]), np.array([mean]), np.array([concentration]), 0.85, 6.0
    )
    assert llr[0] == pytest.approx(np.log(one / (0.99 * other + 0.01 * one)))


def test_a_rate_is_worth_no_more_than_the_harmless_who_share_it_allow() -> None:
    k = np.array([1.0, 3.0, 6.0, 12.0])
    llr = scoring.rate_llr(k, k, np.full(4, 0.01), np.full(4, 60.0), 0.85, 6.0)
    assert (np.diff(llr) > 0.0).all()
    assert np.log(50.0) < llr[-1] < np.log(100.0)


def test_gamma_poisson_is_scipys_negative_binomial() -> None:
    k, expected, shape = 9.0, 4.0, 10.0
    one = stats.nbinom.logpmf(k, 4.0, 4.0 / (4.0 + 8.0))
    other = stats.nbinom.logpmf(k, shape, shape / (shape + expected))
    llr = scoring.excess_llr(np.array([k]), np.array([expected]), np.array([shape]), 2.0, 4.0)
    assert llr[0] == pytest.approx(one - other)


def test_fewer_than_expected_is_not_evidence() -> None:
    few = scoring.excess_llr(np.array([0.0, 2.0]), np.array([5.0, 2.0]), np.array([3.0]), 2.0, 4.0)
    assert (few <= 0).all()


def test_ranges_hold_nine_in_ten() -> None:
    low, high = scoring.rate_range(19, 0.16, 8.0)
    cohort = stats.betabinom(19, 0.16 * 8, 0.84 * 8)
    assert cohort.cdf(high) >= 0.95 > cohort.cdf(high - 1)
    assert cohort.cdf(low) >= 0.05
    assert scoring.rate_range(0, 0.5, 3.0) == (0.0, 0.0)


def test_twenty_points_double_the_odds() -> None:
    assert np.exp(20.0 / scoring.POINTS) == pytest.approx(2.0)


def test_the_strongest_of_a_group_counts_in_full_and_the_others_in_part() -> None:
    assert total(no_mutuals=2.0, made_mutuals=1.0, volume=0.5) == pytest.approx(2.0 + 0.3 * 1.5)


def test_for_and_against_are_added_separately() -> None:
    """So that a ratio that crosses zero moves the sum by no more than itself."""
    just_below = total(no_mutuals=-1e-9, made_mutuals=-2.0)
    just_above = total(no_mutuals=1e-9, made_mutuals=-2.0)
    assert just_below == pytest.approx(-2.0)
    assert just_above == pytest.approx(-2.0)
    assert total(no_mutuals=-1.0, made_mutuals=-2.0) == pytest.approx(-2.3)


def test_groups_are_capped() -> None:
    assert total(no_mutuals=6.0, made_mutuals=6.0, volume=6.0) == pytest.approx(6.0)
    assert total(refused=6.0, persists=6.0) == pytest.approx(7.8)


def test_nobody_buys_innocence() -> None:
    low = dict.fromkeys(KEYS, -3.0)
    assert total(**low) == pytest.approx(-6.0)
    assert total(**{**low, "persists": 6.0}) == pytest.approx(0.0)


def test_parts_add_up_to_the_sum() -> None:
    llr = np.random.default_rng(1).normal(0, 3, (3, len(KEYS), 200))
    llr[np.random.default_rng(2).random(llr.shape) < 0.3] = np.nan
    combined = scoring.combine(llr, SPEC)
    assert combined.parts.sum(axis=1) == pytest.approx(combined.llr)
    assert (combined.parts[np.isnan(llr)] == 0).all()


def test_not_assessed_is_absent() -> None:
    assert np.isnan(scoring.combine(ratios(), SPEC).llr[0, 0])
    assert total(refused=-1.0) == pytest.approx(-1.0)


def test_a_disabled_indicator_counts_for_nothing() -> None:
    spec = SPEC.with_indicator("volume", enabled=False)
    assert total(spec, volume=5.0, refused=1.0) == pytest.approx(1.0)


def test_an_indicator_speaks_from_a_ratio_of_one_before_it_is_tempered() -> None:
    of_one = scoring.speaks_at("refused", SPEC)
    assert of_one == pytest.approx(np.log(0.5 + 0.5 * np.e))
    assert scoring.speaks_at("age_mismatch", SPEC) == 1.0
    given_ = {"no_mutuals": of_one, "volume": 3.0, "refused": of_one - 0.01, "burst": 1.5}
    combined = scoring.combine(ratios(**given_, age_mismatch=0.9), SPEC)
    assert combined.speaking[0, 0] == 2
    assert not combined.fired[0, 0]
    spec = SPEC.with_indicator("persists", share=None)
    assert scoring.combine(ratios(persists=of_one), spec).fired[0, 0]
    assert not scoring.combine(ratios(persists=of_one - 0.01), spec).fired[0, 0]
    assert scoring.combine(ratios(persists=1.0), SPEC).fired[0, 0]  # of which nothing is taken off
    assert not scoring.combine(ratios(persists=0.99), SPEC).fired[0, 0]


def test_flags_need_points_groups_and_children() -> None:
    def flag(
        points: float = SPEC.open_at,
        groups: int = 2,
        minors: int = 3,
        fired: bool = False,
        exempt: bool = False,
    ) -> bool:
        one = np.array
        found = scoring.flags(
            one([points]), one([groups]), one([minors]), one([fired]), one([exempt]), SPEC
        )
        return bool(found[0])

    assert flag()
    assert not flag(points=SPEC.open_at - 0.01)
    assert not flag(groups=1)
    assert not flag(minors=2)
    assert flag(minors=1, fired=True)
    assert not flag(fired=True, exempt=True)


def test_equal_points_share_a_rank() -> None:
    assert scoring.ranks(np.array([5.0, 9.0, 5.0, 1.0])).tolist() == [2, 1, 2, 4]


def test_the_shortest_of_equal_stretches_gives_the_points() -> None:
    totals = np.array([[np.nan, 1.0], [2.0, 3.0], [2.0, np.nan]])
    assert scoring.best_stretch(totals).tolist() == [1, 1]


def test_every_indicator_has_a_group() -> None:
    assert set(GROUP_OF) == set(KEYS)
    assert len(KEYS) == 15


def test_a_threshold_set_survives_json() -> None:
    spec = SPEC.with_indicator("burst", cap=2.0, enabled=False)
    assert ThresholdSpec.from_dict(spec.to_dict()) == spec
    assert ThresholdSpec.from_dict({}) == SPEC


def test_every_mistake_in_a_threshold_set_is_named() -> None:
    with pytest.raises(SpecError) as raised:
        ThresholdSpec.from_dict({"open_at": "high", "min_groups": 99, "stretches": [365, 90]})
    assert set(raised.value.errors) == {"open_at", "min_groups", "stretches"}
    with pytest.raises(SpecError) as raised:
        ThresholdSpec.from_dict({"colour": 1, "indicators": {"burst": {"size": 3}, "x": {}}})
    assert set(raised.value.errors) == {"colour", "indicators.burst.size", "indicators.x"}


def test_a_tail_probability_is_worth_one_on_average_by_chance() -> None:
    assert scoring.tail_llr(np.array([0.01, 0.001])) == pytest.approx([1.4931, 3.0345], abs=1e-3)
    assert scoring.tail_llr(np.array([1.0, 1.0 - 1e-6])) == pytest.approx(np.log(0.5), abs=1e-5)
    p = np.linspace(1e-6, 1.0, 2_000_001)
    # the missing sliver below 1e-6 holds 1 / −ln(1e-6) of it
    mean = np.trapezoid(np.exp(scoring.tail_llr(p)), p) + 1.0 / -np.log(1e-6)
    assert mean == pytest.approx(1.0, abs=0.05)


@given(st.floats(-40.0, 40.0), st.floats(0.05, 1.0))
def test_the_absence_of_a_tactic_says_little(llr: float, share: float) -> None:
    spec = replace(SPEC, tactic_share=share, lowest=-20.0, highest=20.0).with_indicator(
        "no_mutuals", cap=20.0
    )
    tempered = float(scoring.temper(np.array([llr]), "no_mutuals", spec)[0])
    assert tempered >= max(np.log1p(-share) if share < 1.0 else -20.0, -20.0) - 1e-9
    # between what it says of those who go about it so, and nothing
    assert min(llr, 0.0) - 1e-9 <= tempered <= max(llr, 0.0) + 1e-9
    if llr > 0.0:
        assert tempered >= min(llr, 20.0) + np.log(share) - 1e-9


@given(st.floats(-30.0, 30.0), st.floats(0.05, 1.0))
def test_a_share_of_its_own_holds_for_what_speaks_for_suspicion(llr: float, own: float) -> None:
    spec = replace(SPEC, lowest=-20.0, highest=20.0).with_indicator("volume", cap=20.0, share=own)
    tempered = float(scoring.temper(np.array([llr]), "volume", spec)[0])
    of_all = replace(spec, tactic_share=own) if llr > 0.0 else spec
    as_set = of_all.with_indicator("volume", share=None)
    assert tempered == float(scoring.temper(np.array([llr]), "volume", as_set)[0])


def test_sets_from_before_shares_keep_the_one_share_that_they_had() -> None:
    now = SPEC.to_dict()
    before = {key: dict(settings) for key, settings in now["indicators"].items()}
    for settings in before.values():
        del settings["share"]
    read = ThresholdSpec.from_dict({**now, "format": 1, "indicators": before})
    assert [key for key in KEYS if read[key].share is not None] == []
    assert ThresholdSpec.from_dict(read.to_dict()) == read
    assert ThresholdSpec.from_dict(now) == SPEC
    assert SPEC["persists"].share == 1.0
    with pytest.raises(SpecError, match="format: must be 1 or 2"):
        ThresholdSpec.from_dict({**now, "format": 3})


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, True, "0.5"])
def test_a_share_lies_above_0_and_is_at_most_1(share: object) -> None:
    with pytest.raises(SpecError, match=r"indicators\.burst\.share: must be above 0"):
        SPEC.with_indicator("burst", share=share)


def test_what_clears_is_not_tempered() -> None:
    assert scoring.temper(np.array([-2.5]), "embedded", SPEC)[0] == -2.5
    assert scoring.temper(np.array([-9.0]), "age_mismatch", SPEC)[0] == SPEC.lowest
    assert np.isnan(scoring.temper(np.array([np.nan]), "volume", SPEC)[0])


def test_a_mixture_of_ages_scatters_more_than_chance() -> None:
    many = [np.array([x]) for x in (40.0, 50.0, 0.3)]
    chance = (40.0 - 0.5 - 15.0) / np.sqrt(50 * 0.3 * 0.7)
    assert 1.0 < float(scoring.mixture_z(*many)[0]) < chance
    alone = [np.array([x]) for x in (1.0, 1.0, 0.3)]
    assert float(scoring.mixture_z(*alone)[0]) == pytest.approx(0.2 / np.sqrt(0.21))
