"""How good a ranking is: average precision, precision and recall at k. Pure numpy.

Accounts with equal scores are in no order, and none is invented for them. Average precision takes a
tie as one step; precision and recall at k count a tie that k cuts by its expected share.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
RESAMPLES = 500


def _steps(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats]:
    """Positives and accounts at or above each distinct score, highest score first."""
    values = np.asarray(scores, dtype=np.float64)
    positive = np.asarray(labels, dtype=np.bool_)
    if values.shape != positive.shape or values.ndim != 1:
        raise ValueError("scores and labels must be two rows of the same length")
    if np.isnan(values).any():
        raise ValueError("scores must be numbers; use -inf for an account without one")
    order = np.argsort(-values, kind="stable")
    values, positive = values[order], positive[order]
    last = np.flatnonzero(np.append(values[1:] != values[:-1], values.size > 0))
    taken: Floats = last.astype(np.float64) + 1
    return np.cumsum(positive, dtype=np.float64)[last], taken


def average_precision(scores: ArrayLike, labels: ArrayLike) -> float | None:
    """Σ (R_i − R_{i−1}) P_i over the distinct scores, from the highest (0 to 1).

    P_i and R_i are precision and recall when everything at or above the i-th score is taken. With
    no ties this is the mean, over the positives, of the precision at each. None without a positive.
    Raises ValueError for rows of unequal length or a score that is no number.
    """
    hits, taken = _steps(scores, labels)
    if hits.size == 0 or hits[-1] == 0:
        return None
    gained = np.diff(hits, prepend=0.0)
    return float(np.sum(gained * hits / taken) / hits[-1])


def average_precision_interval(
    scores: ArrayLike, labels: ArrayLike, level: float = 0.9
) -> tuple[float, float] | None:
    """Where average precision lies when the positives are drawn again with replacement.

    The accounts without label 1 stay as they are: they are many. 500 draws with a fixed seed; None
    with fewer than two positives.
    """
    values = np.asarray(scores, dtype=np.float64)
    positive = np.asarray(labels, dtype=np.bool_)
    found, others = values[positive], np.sort(values[~positive])
    if found.size < 2:
        return None
    distinct, place = np.unique(-found, return_inverse=True)
    above = others.size - np.searchsorted(others, -distinct, side="left")
    rng = np.random.default_rng(0)
    drawn = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        gained = np.bincount(
            place[rng.integers(0, found.size, found.size)], minlength=distinct.size
        )
        hits = np.cumsum(gained)
        drawn[number] = np.sum(gained * hits / np.maximum(hits + above, 1)) / found.size
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def hits_at(scores: ArrayLike, labels: ArrayLike, k: int) -> float:
    """Expected number of positives among the ``k`` highest scores, ties in random order.

    Raises ValueError for a ``k`` below 1.
    """
    if k < 1:
        raise ValueError("k must be 1 or more")
    hits, taken = _steps(scores, labels)
    if hits.size == 0:
        return 0.0
    place = int(np.searchsorted(taken, k))
    if place == hits.size:
        return float(hits[-1])
    before_hits = hits[place - 1] if place else 0.0
    before_taken = taken[place - 1] if place else 0.0
    share = (k - before_taken) / (taken[place] - before_taken)
    return float(before_hits + share * (hits[place] - before_hits))


def precision_at(scores: ArrayLike, labels: ArrayLike, k: int) -> float:
    """Expected positives among the ``k`` highest, over k (or over all, where there are fewer)."""
    size = np.asarray(labels).size
    return hits_at(scores, labels, k) / min(k, size) if size else 0.0


def recall_at(scores: ArrayLike, labels: ArrayLike, k: int) -> float | None:
    """Expected positives among the ``k`` highest, over all positives. None without a positive."""
    positives = int(np.sum(np.asarray(labels, dtype=np.bool_)))
    return hits_at(scores, labels, k) / positives if positives else None


def wilson(k: int, n: int, z: float = 1.959964) -> tuple[float, float] | None:
    """Wilson's 95 % interval of a share k of n. None where n is 0.

    Wilson, E. B. (1927), Probable inference, the law of succession, and statistical inference.
    """
    if n == 0:
        return None
    share = k / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
