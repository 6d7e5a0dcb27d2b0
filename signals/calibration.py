"""What decided cases say about the weights of the indicators: a monotone logistic calibration.

Pure. The score takes each indicator's contribution with the weight 1. Where enough cases have been
decided, a logistic regression of "confirmed" on these contributions says which weights would have
fitted the decisions better. Weights are never negative (what raises suspicion never lowers it) and
are held towards 1 by a ridge, so that few cases change little. The result is shown; it never
applies itself.

Decided cases are those that were opened: what is fitted holds above the threshold, and for cases
that were sampled from below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import expit

from signals.scoring import POINTS, combine
from signals.spec import KEYS, ThresholdSpec

Floats = NDArray[np.float64]

NEEDED = 200  # decided cases
OF_EACH = 20  # of them confirmed, and of them dismissed
RIDGE = 4.0  # 1 / variance: before any case a weight is taken to lie within 0.5 of 1
FOLDS = 5
BETWEEN = 1.644854  # standard errors either side that hold nine in ten


@dataclass(frozen=True)
class Fit:
    """logit P(confirmed) = ``intercept`` + Σ ``weights`` × contributions.

    ``errors``: standard errors of the weights, from the curvature; NaN for a weight held at 0.
    """

    intercept: float
    weights: Floats
    errors: Floats

    def log_odds(self, parts: Floats) -> Floats:
        """Of (case, indicator) contributions."""
        return np.asarray(self.intercept + parts @ self.weights)


def contributions(scores: pa.Table, spec: ThresholdSpec) -> Floats:
    """(account, indicator) contributions to the score, in natural log-odds, in the order of KEYS.

    ``scores``: ``<key>_llr`` by account, null where not assessed; an absent column is assessed
    nowhere.
    """
    ratios = np.full((len(KEYS), scores.num_rows), np.nan)
    for place, key in enumerate(KEYS):
        if f"{key}_llr" in scores.column_names:
            column = scores.column(f"{key}_llr").cast(pa.float64())
            ratios[place] = pc.fill_null(column, np.nan).to_numpy()
    found: Floats = combine(ratios[None], spec).parts[0].T
    return found


def fit(parts: Floats, confirmed: NDArray[np.bool_], ridge: float = RIDGE) -> Fit:
    """Penalised maximum likelihood by L-BFGS-B, weights at least 0.

    ``parts``: (case, indicator). The intercept is free but for a breath of ridge, which keeps it
    finite where all cases ended alike.
    """
    cases, width = parts.shape
    y = confirmed.astype(np.float64)
    x = np.column_stack([np.ones(cases), parts])
    centre = np.concatenate([[0.0], np.ones(width)])
    strength = np.concatenate([[1e-4], np.full(width, ridge)])

    def loss(beta: Floats) -> tuple[float, Floats]:
        z = x @ beta
        away = beta - centre
        value = np.logaddexp(0.0, z).sum() - y @ z + 0.5 * strength @ away**2
        slope: Floats = x.T @ (expit(z) - y) + strength * away
        return float(value), slope

    found = optimize.minimize(
        loss,
        centre,
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, None), *[(0.0, None)] * width],
        options={"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-8},
    )
    beta: Floats = found.x
    chance = expit(x @ beta)
    curvature = (x * (chance * (1.0 - chance))[:, None]).T @ x + np.diag(strength)
    free = np.concatenate([[True], beta[1:] > 1e-9])
    errors = np.full(width + 1, np.nan)
    errors[free] = np.sqrt(np.diag(np.linalg.inv(curvature[np.ix_(free, free)])))
    return Fit(float(beta[0]), beta[1:], errors[1:])


def _level(total: Floats, confirmed: NDArray[np.bool_]) -> float:
    """The intercept that fits best where every weight stays 1."""
    y = confirmed.astype(np.float64)

    def slope(a: float) -> float:
        return float((expit(a + total) - y).sum())

    return float(optimize.brentq(slope, -200.0, 200.0))


def _log_loss(log_odds: Floats, confirmed: NDArray[np.bool_]) -> float:
    """Mean, in natural units; 0.69 is a coin."""
    return float(np.mean(np.logaddexp(0.0, np.where(confirmed, -log_odds, log_odds))))


def _held_out(parts: Floats, confirmed: NDArray[np.bool_]) -> tuple[float, float]:
    """Log loss of cases left out of the fit, as it is and calibrated; folds in given order."""
    fold = np.empty(len(confirmed), np.int64)
    for outcome in (False, True):
        where = np.flatnonzero(confirmed == outcome)
        fold[where] = np.arange(len(where)) % FOLDS
    total = parts.sum(axis=1)
    before, after = np.empty(len(fold)), np.empty(len(fold))
    for number in range(FOLDS):
        out = fold == number
        before[out] = _level(total[~out], confirmed[~out]) + total[out]
        after[out] = fit(parts[~out], confirmed[~out]).log_odds(parts[out])
    return _log_loss(before, confirmed), _log_loss(after, confirmed)


def calibration(
    scores: pa.Table, decisions: Mapping[int, bool], spec: ThresholdSpec
) -> dict[str, Any]:
    """What the decided cases would change, as plain JSON values.

    ``scores``: ``account``, ``flagged`` and ``<key>_llr`` (null: not assessed), as a run with the
    thresholds ``spec`` left them. ``decisions``: account to whether its case was confirmed; those
    without a score are left out. Without cases enough there are only their numbers.
    Points are 20 × Σ weight × contribution / ln 2, so that the weights alone move them.
    """
    accounts = scores.column("account").to_pylist()
    decided = np.array([account in decisions for account in accounts], np.bool_)
    confirmed = np.array([decisions.get(account, False) for account in accounts], np.bool_)
    cases, right = int(decided.sum()), int(confirmed.sum())
    enough = cases >= NEEDED and min(right, cases - right) >= OF_EACH
    report: dict[str, Any] = {
        "decided": cases,
        "confirmed": right,
        "needed": NEEDED,
        "needed_of_each": OF_EACH,
        "enough": enough,
    }
    if not enough:
        return report
    flagged = np.array(scores.column("flagged").to_pylist(), np.bool_)
    parts = contributions(scores, spec)
    inside, outcome = parts[decided], confirmed[decided]
    found = fit(inside, outcome)
    before, after = _held_out(inside, outcome)
    level = _level(inside.sum(axis=1), outcome)
    points = POINTS * parts.sum(axis=1)
    changed = POINTS * (parts @ found.weights)
    # the other rules stay as they are: only points are asked about
    below = flagged & (changed < spec.open_at)
    above = ~flagged & (points < spec.open_at) & (changed >= spec.open_at)
    report |= {
        "weights": [_weight(key, found, inside, place) for place, key in enumerate(KEYS)],
        "log_loss": {"as_it_is": before, "calibrated": after},
        "better": after < before,
        "confirmed_at_threshold": float(expit(level + spec.open_at / POINTS)),
        "no_longer_flagged": int(below.sum()),
        "above_threshold_then": int(above.sum()),
    }
    return report


def _weight(key: str, found: Fit, parts: Floats, place: int) -> dict[str, Any]:
    weight, error = float(found.weights[place]), float(found.errors[place])
    held = not np.isfinite(error)
    low, high = max(weight - BETWEEN * error, 0.0), weight + BETWEEN * error
    return {
        "key": key,
        "weight": weight,
        "standard_error": None if held else error,
        "low": None if held else low,
        "high": None if held else high,
        "cases": int((parts[:, place] != 0.0).sum()),
        "differs": held or not low <= 1.0 <= high,
    }
