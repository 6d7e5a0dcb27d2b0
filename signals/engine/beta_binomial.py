"""The Beta-binomial of many cells of accounts at once: what share is usual, and how it differs."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_LONGEST = 1000  # more evidence of one account says no more about a cohort's spread
_LEAST, _MOST = 2.0, 300.0  # bounds of the concentration
NO_RATE = 0.5, _LEAST  # mean and concentration where nobody has evidence


@nb.njit(cache=True, nogil=True)
def _fit(
    starts: Any, k: Any, n: Any, means: Any, concentrations: Any
) -> None:  # pragma: no cover - compiled
    """Beta-binomial by maximum likelihood in each cell of accounts starts[c]:starts[c+1].

    Fixed-point iteration on counts of "k above j" (Minka 2000, Estimating a Dirichlet
    distribution, eq. 55). Two imagined accounts, one success and one failure, keep it inside.
    """
    for c in range(len(starts) - 1):
        above_k = np.zeros(_LONGEST + 1)
        above_m = np.zeros(_LONGEST + 1)
        above_n = np.zeros(_LONGEST + 1)
        longest, most_k, most_m = 1, 1, 1
        successes, trials = 1.0, 2.0
        above_k[1] += 1.0
        above_m[1] += 1.0
        above_n[1] += 2.0
        for i in range(starts[c], starts[c + 1]):
            above_k[k[i]] += 1.0
            above_m[n[i] - k[i]] += 1.0
            above_n[n[i]] += 1.0
            longest = max(longest, n[i])
            most_k = max(most_k, k[i])
            most_m = max(most_m, n[i] - k[i])
            successes += k[i]
            trials += n[i]
        for j in range(longest - 1, 0, -1):
            above_k[j] += above_k[j + 1]
            above_m[j] += above_m[j + 1]
            above_n[j] += above_n[j + 1]
        mean = successes / trials
        a, b = 8.0 * mean, 8.0 * (1.0 - mean)
        for _ in range(1000):
            up_a, up_b, down = 0.0, 0.0, 0.0
            for j in range(most_k):
                up_a += above_k[j + 1] / (a + j)
            for j in range(most_m):
                up_b += above_m[j + 1] / (b + j)
            for j in range(longest):
                down += above_n[j + 1] / (a + b + j)
            new_a, new_b = a * up_a / down, b * up_b / down
            both = min(max(new_a + new_b, _LEAST), _MOST)
            mean = new_a / (new_a + new_b)
            mean = min(max(mean, 0.005), 0.995)
            new_a, new_b = mean * both, (1.0 - mean) * both
            moved = abs(new_a - a) / a + abs(new_b - b) / b
            a, b = new_a, new_b
            if moved < 1e-7:
                break
        means[c] = a / (a + b)
        concentrations[c] = a + b


@nb.njit(cache=True, nogil=True)
def _limits(
    starts: Any, values: Any, kept: Any, limits: Any
) -> None:  # pragma: no cover - compiled
    """In each cell the kept[c]-th smallest of values[starts[c]:starts[c + 1]], if it has any."""
    for c in range(len(starts) - 1):
        if starts[c + 1] > starts[c]:
            place = max(kept[c] - 1, 0)
            limits[c] = np.partition(values[starts[c] : starts[c + 1]], place)[place]


def _by_cell(cell: Whole, cells: int) -> Whole:
    """The order that puts rows of the same cell together."""
    # numpy sorts 16 bits by counting
    narrow = cell.astype(np.uint16) if cells < 2**16 else cell
    return np.argsort(narrow, kind="stable")


def kept(size: Any, trim: float) -> Any:
    """How many of ``size`` accounts stay when the most extreme share ``trim`` is left out.

    At least one goes, as far as there is more than one: in a small cohort one offender is a share
    larger than that which is to be left out.
    """
    out = np.maximum(np.floor(np.asarray(size) * trim), 1.0 if trim > 0.0 else 0.0)
    return np.where(np.asarray(size) > 1, size - out, size).astype(np.int64)


def fit_cells(cell: Whole, k: Floats, n: Floats, cells: int, trim: float) -> tuple[Floats, Floats]:
    """Mean and concentration of each cell 0 … cells − 1.

    In each, the share ``trim`` of accounts furthest above the cell's mean is left out, one at least
    (``kept``). An empty
    cell has the mean 0.5 and the loosest concentration.
    """
    size = np.bincount(cell, minlength=cells)
    n_of = np.bincount(cell, n, cells)
    rate = np.bincount(cell, k, cells) / np.maximum(n_of, 1e-12)
    mu = rate[cell]
    # against a concentration of 8: how far above, given how much evidence there is
    spread = np.sqrt(np.maximum(n * mu * (1.0 - mu) * (1.0 + (n - 1.0) / 9.0), 1e-12))
    z = np.round((k - n * mu) / spread, 9)
    order = _by_cell(cell, cells)
    starts = np.concatenate([[0], np.cumsum(size)])
    limit = np.zeros(cells)
    _limits(starts, z[order], kept(size, trim), limit)
    order = order[z[order] <= limit[cell[order]]]
    starts = np.concatenate([[0], np.cumsum(np.bincount(cell[order], minlength=cells))])
    long = n > _LONGEST
    k = np.where(long, k * (_LONGEST / np.maximum(n, 1.0)), k)
    whole_k = np.rint(k).astype(np.int64)
    whole_n = np.maximum(np.rint(np.where(long, _LONGEST, n)).astype(np.int64), whole_k)
    means, concentrations = np.empty(cells), np.empty(cells)
    _fit(starts, whole_k[order], whole_n[order], means, concentrations)
    return means, concentrations
