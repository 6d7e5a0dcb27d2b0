"""From counts to log-likelihood ratios, from those to points and flags. Pure numpy.

Arrays are (stretch, account) or (stretch, indicator, account); NaN means not assessed. All
logarithms are natural; 20 points double the odds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from signals.spec import GROUP_OF, GROUPS, KEYS, ThresholdSpec

Floats = NDArray[np.float64]

POINTS = 20.0 / np.log(2.0)  # points a unit of natural log-odds
INDISCRIMINATE = 20.0  # concentration of the share of children where people look without choosing
SPEAKS = 1.0  # from this ratio of its own (before ``temper``) an indicator speaks for a look
# any of these may stand for the children that were not contacted
FIRES = ("blocked_reported", "co_targeting", "persists")
# what these find against suspicion is evidence of something else, not the absence of a tactic
CLEARS = ("embedded", "age_mismatch")


def log_beta_binomial(k: Floats, n: Floats, mean: Floats, concentration: Floats) -> Floats:
    """log BB(k; n, a, b) without the binomial coefficient; a = mean · concentration.

    ``k`` may be fractional (a target of unknown age counts as a share).
    """
    a, b = mean * concentration, (1.0 - mean) * concentration
    return np.asarray(special.betaln(k + a, n - k + b) - special.betaln(a, b))


ALIKE = 0.01
"""So many harmless accounts go about one thing just as offenders do: those whom the fit leaves out
at the top are harmless too, nearly all of them."""


def rate_llr(
    k: Floats,
    n: Floats,
    mean: Floats,
    concentration: Floats,
    alternative: float,
    about: float,
    where: NDArray[np.bool_] | None = None,
) -> Floats:
    """BBLLR(k, n): how much better offenders' rates explain k of n than the cohort's.

    ``mean``/``concentration``: the cohort's Beta-binomial; ``alternative``: the offenders' mean
    rate with the concentration ``about``. Where the cohort itself lies near or above that mean, the
    alternative moves halfway from the cohort's mean to 1: otherwise few would look like offenders
    for being *less* extreme than everybody. For the same reason a rate below the cohort's never
    counts against an account. One in a hundred of the cohort (``ALIKE``) is taken to be like
    offenders in this, so that a single rate is worth log 100 at most, however far it lies beyond
    what was fitted. ``where``: NaN elsewhere, at no cost.
    """
    if where is not None:
        found = np.full(k.shape, np.nan)
        found[where] = rate_llr(
            k[where], n[where], mean[where], concentration[where], alternative, about
        )
        return found
    offenders = np.maximum(alternative, 0.5 * (1.0 + mean))
    llr = log_beta_binomial(k, n, offenders, np.asarray(about)) - log_beta_binomial(
        k, n, mean, concentration
    )
    llr = -np.logaddexp(np.log1p(-ALIKE) - llr, np.log(ALIKE))
    return np.asarray(np.where(k <= n * mean, np.minimum(llr, 0.0), llr))


def rate_range(n: float, mean: float, concentration: float) -> tuple[float, float]:
    """Where nine in ten accounts of the cohort lie, as counts out of n."""
    whole = round(n)
    if whole < 1:
        return 0.0, 0.0
    a, b = mean * concentration, (1.0 - mean) * concentration
    chance = stats.betabinom.pmf(np.arange(whole + 1), whole, a, b)
    up_to = np.cumsum(chance)

    def quantile(q: float) -> float:
        # scipy looks for it by adding up anew for every guess; its sums decide between neighbours
        k = min(int(np.searchsorted(up_to, q)), whole)
        while k > 0 and chance[:k].sum() >= q:
            k -= 1
        while k < whole and chance[: k + 1].sum() < q:
            k += 1
        return float(k)

    return quantile(0.05), quantile(0.95)


def log_gamma_poisson(k: Floats, expected: Floats, shape: Floats) -> Floats:
    """log of the Gamma-Poisson density at k without 1/Γ(k + 1): mean ``expected``, given shape."""
    p = shape / (shape + expected)
    return np.asarray(
        special.gammaln(k + shape) - special.gammaln(shape) + shape * np.log(p) + k * np.log1p(-p)
    )


def excess_llr(k: Floats, expected: Floats, shape: Floats, ratio: float, about: float) -> Floats:
    """Gamma-Poisson LLR of k events where ``expected`` were to be expected.

    Ordinary accounts scatter around the expectation with Gamma(shape); offenders around ``ratio``
    times it with Gamma(about). Fewer than expected never counts against an account.
    """
    expected = np.maximum(expected, 1e-9)
    llr = log_gamma_poisson(k, ratio * expected, np.asarray(about)) - log_gamma_poisson(
        k, expected, shape
    )
    return np.where(k <= expected, np.minimum(llr, 0.0), llr)


def excess_range(n: float, expected: float, shape: float) -> tuple[float, float]:
    """Where nine in ten comparable accounts lie, as counts."""
    low, high = stats.nbinom.ppf((0.05, 0.95), shape, shape / (shape + max(expected, 1e-9)))
    return float(low), float(high)


SHARES = 100.0  # steps in which the share of children is told apart


def indiscriminate(children: Floats, known: Floats, share: float | Floats) -> Floats:
    """How likely so many children are among so many people contacted without regard to age.

    ``share``: of children among everybody contacted where the account looks, to a hundredth unless
    it is one for all. Beta-binomial, since the places where people look differ; half of the equal
    ones count.
    """
    if np.ndim(share) == 0:
        return _indiscriminate(children, known, float(share))
    steps = np.clip(np.rint(np.asarray(share) * SHARES), 1.0, SHARES - 1.0)
    result = np.zeros(children.shape)
    for step in np.unique(steps):
        rows = steps == step
        result[rows] = _indiscriminate(children[rows], known[rows], float(step / SHARES))
    return result


def _indiscriminate(children: Floats, known: Floats, share: float) -> Floats:
    """For one share. By quadrature over the Beta, each distinct pair of counts once; above 5,000
    people the counts are scaled down.
    """
    long = np.maximum(known / 5000.0, 1.0)
    pairs = np.rint(children / long) * 8192 + np.rint(known / long)
    distinct, back = np.unique(pairs, return_inverse=True)
    k, n = np.floor(distinct / 8192), (distinct % 8192).astype(np.int64)
    a, b = INDISCRIMINATE * share, INDISCRIMINATE * (1.0 - share)
    points, weights = special.roots_sh_jacobi(24, a + b - 1.0, a)
    tail = np.zeros(len(distinct))
    for p, weight in zip(points, weights / weights.sum(), strict=True):
        at_least = np.where(k > 0, special.bdtrc(k - 1.0, n, p), 1.0)
        above = np.where(k < n, special.bdtrc(k, n, p), 0.0)
        tail += weight * 0.5 * (at_least + above)
    return np.clip(tail, 0.0, 1.0)[back].reshape(children.shape)


def mixture_z(children: Floats, known: Floats, share: Floats) -> Floats:
    """How many standard deviations ``children`` of ``known`` people lie above their usual share.

    The deviation is a Beta-binomial's (concentration ``INDISCRIMINATE``): where somebody happens to
    look moves the share too. With half a person's correction for continuity.
    """
    p = np.clip(share, 1e-3, 1.0 - 1e-3)
    among = np.maximum(known, 1.0)
    scatter = 1.0 + (among - 1.0) / (INDISCRIMINATE + 1.0)
    return (children - 0.5 - among * p) / np.sqrt(among * p * (1.0 - p) * scatter)


def shift_llr(z: Floats) -> Floats:
    """The log-likelihood ratio of a unit shift of a standard normal z."""
    return z - 0.5


def tail_llr(tail: Floats) -> Floats:
    """The log-likelihood ratio of a tail probability: 1.5 at 0.01, 3.0 at 0.001, −0.7 at 1.

    By chance a tail probability p is uniform. The alternative is κ p^(κ − 1), small values the
    likelier the smaller κ, with κ uniform in (0, 1): the ratio is (1 − p + p ln p) / (p ln² p),
    whose mean by chance is 1 (Vovk and Wang 2021, E-values: calibration, combination and
    applications, Annals of Statistics 49, section 2). The log-odds of p, by comparison, would be
    4.6 and 6.9, and would let every hundredth harmless account look a hundred times as suspicious.
    """
    p = np.clip(tail, 1e-12, 1.0)
    log = np.log(p)
    near = p > 0.999  # the formula is 0/0 at 1; to first order in 1 − p
    safe = np.where(near, -1.0, log)
    ratio = np.where(near, 0.5 + (1.0 - p) / 6.0, (1.0 - p + p * log) / (p * safe**2))
    return np.asarray(np.log(ratio))


@dataclass(frozen=True)
class Combined:
    """Scores of (stretch, account), and how each indicator entered: (stretch, indicator, account).

    ``llr``: sum after groups, caps and floors, NaN where no indicator was assessed; ``parts`` add
    up to it; ``speaking``: groups with an indicator that speaks (``speaks_at``); ``fired``: one of
    FIRES does.
    """

    llr: Floats
    parts: Floats
    speaking: NDArray[np.int64]
    fired: NDArray[np.bool_]


def temper(llr: Floats, key: str, spec: ThresholdSpec) -> Floats:
    """One indicator's log-likelihood ratio as it enters the score, within the set's bounds.

    Most indicators show one way of going about it, and nobody uses all of them. So the alternative
    is a mixture: with probability w an offender goes about it in this way, else it looks here like
    everybody: log(1 − w + w e^llr). Where a tactic is absent that says little (never below
    log(1 − w), w the set's ``tactic_share``), and where it is plain the mixture costs at most
    log(1/w), w the indicator's own ``share`` if it has one. ``CLEARS`` names the indicators to
    which this does not apply.
    """
    if key not in CLEARS:
        own = spec[key].share
        share = spec.tactic_share if own is None else np.where(llr > 0.0, own, spec.tactic_share)
        llr = np.log1p(share * np.expm1(np.clip(llr, -30.0, 30.0)))
    return np.clip(llr, spec.lowest, min(spec.highest, spec[key].cap))


def speaks_at(key: str, spec: ThresholdSpec) -> float:
    """From which tempered ratio an indicator counts as speaking for a look."""
    return float(temper(np.array([SPEAKS]), key, spec)[0])


def combine(llr: Floats, spec: ThresholdSpec, leave_out: tuple[str, ...] = ()) -> Combined:
    """Add tempered (stretch, indicator, account) ratios up by groups, in the order of KEYS.

    In a group the strongest for suspicion counts in full and a share of the sum of the others for
    it; likewise the strongest against and the others against. Groups are capped, and everything
    negative together is floored, in proportion.
    """
    known = ~np.isnan(llr)
    for key in (*leave_out, *(key for key in KEYS if not spec[key].enabled)):
        known[:, KEYS.index(key)] = False
    value = np.where(known, llr, 0.0)
    parts = np.zeros_like(value)
    speaking = np.zeros(value.shape[::2], np.int64)
    limit = np.array([speaks_at(key, spec) for key in KEYS])[:, None] - 1e-9
    for group in GROUPS:
        members = [i for i, key in enumerate(KEYS) if GROUP_OF[key] == group]
        risen = _strongest(np.maximum(value[:, members], 0.0), spec.others_share)
        fallen = -_strongest(np.maximum(-value[:, members], 0.0), spec.others_share)
        total = risen.sum(axis=1)
        cap = spec.group_caps[group]
        scale = np.where(total > cap, cap / np.where(total > cap, total, 1.0), 1.0)
        parts[:, members] = risen * scale[:, None] + fallen
        speaking += (value[:, members] >= limit[members]).any(axis=1)
    negative = np.minimum(parts, 0.0).sum(axis=1)
    scale = np.where(
        negative < spec.negative_floor, spec.negative_floor / np.minimum(negative, -1e-12), 1.0
    )
    parts = np.where(parts < 0.0, parts * scale[:, None], parts)
    total = np.where(known.any(axis=1), parts.sum(axis=1), np.nan)
    fires = [KEYS.index(key) for key in FIRES]
    fired = (np.where(known, llr, -np.inf)[:, fires] >= limit[fires]).any(axis=1)
    return Combined(total, parts, speaking, np.asarray(fired))


def _strongest(values: Floats, share: float) -> Floats:
    """(stretch, indicator, account): the greatest in full, the others by ``share``."""
    best = values.argmax(axis=1)
    at = np.arange(values.shape[1])[None, :, None]
    return np.where(at == best[:, None], values, share * values)


def best_stretch(total: Floats) -> NDArray[np.int64]:
    """For each account the stretch with the most points, the shortest of equal ones."""
    return np.asarray(np.where(np.isnan(total), -np.inf, total).argmax(axis=0), np.int64)


def flags(
    points: Floats,
    speaking: NDArray[Any],
    minors: NDArray[Any],
    fired: NDArray[Any],
    exempt: NDArray[Any],
    spec: ThresholdSpec,
) -> NDArray[np.bool_]:
    """Which accounts a person should look at. The rules gate; they never rank."""
    enough = (minors >= spec.min_minors) | fired
    found: NDArray[np.bool_] = (
        (points >= spec.open_at) & (speaking >= spec.min_groups) & enough & ~exempt
    )
    return found


def ranks(points: Floats) -> NDArray[np.int64]:
    """1 for the most points; equal points share a rank."""
    ordered = np.sort(-points)
    return np.asarray(np.searchsorted(ordered, -points, side="left") + 1, np.int64)
