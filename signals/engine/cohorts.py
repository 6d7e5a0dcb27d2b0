"""Comparable accounts: cohorts, and the Beta-binomial fitted on each.

A cohort is an age band × tenure × decile of activity; where too few of its accounts have enough
evidence, tenure is dropped, then activity, then age.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from signals.engine.prepare import BANDS, TENURES
from signals.spec import ThresholdSpec

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_LONGEST = 1000  # more evidence of one account says no more about a cohort's spread
_LEAST, _MOST = 2.0, 300.0  # bounds of the concentration


@nb.njit(cache=True, nogil=True)
def _fit(starts: Any, k: Any, n: Any, means: Any, concentrations: Any) -> None:  # pragma: no cover
    """Beta-binomial by maximum likelihood in each cell of accounts starts[c]:starts[c+1].

    Fixed-point iteration on counts of "k above j" (Minka 2000, Estimating a Dirichlet
    distribution, eq. 55). Two imagined accounts, one success and one failure, keep it inside.
    """
    for c in range(len(starts) - 1):
        above_k = np.zeros(_LONGEST + 1)
        above_m = np.zeros(_LONGEST + 1)
        above_n = np.zeros(_LONGEST + 1)
        longest = 1
        successes, trials = 1.0, 2.0
        above_k[1] += 1.0
        above_m[1] += 1.0
        above_n[1] += 2.0
        for i in range(starts[c], starts[c + 1]):
            above_k[k[i]] += 1.0
            above_m[n[i] - k[i]] += 1.0
            above_n[n[i]] += 1.0
            longest = max(longest, n[i])
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
            for j in range(longest):
                up_a += above_k[j + 1] / (a + j)
                up_b += above_m[j + 1] / (b + j)
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


def fit_cells(
    cell: Whole, k: Floats, n: Floats, cells: int, trim: float
) -> tuple[Floats, Floats, Whole]:
    """Mean, concentration and number of accounts of each cell 0 … cells − 1.

    In each, the share ``trim`` of accounts furthest above the cell's mean is left out. An empty
    cell has the mean 0.5 and the loosest concentration.
    """
    size = np.bincount(cell, minlength=cells)
    n_of = np.bincount(cell, n, cells)
    rate = np.bincount(cell, k, cells) / np.maximum(n_of, 1e-12)
    mu = rate[cell]
    # against a concentration of 8: how far above, given how much evidence there is
    spread = np.sqrt(np.maximum(n * mu * (1.0 - mu) * (1.0 + (n - 1.0) / 9.0), 1e-12))
    z = np.round((k - n * mu) / spread, 9)
    order = np.lexsort((z, cell))
    starts = np.concatenate([[0], np.cumsum(size)])
    kept = np.ceil(size * (1.0 - trim)).astype(np.int64)
    last = order[np.maximum(starts[:-1] + kept - 1, 0)] if len(order) else np.zeros(cells, int)
    limit = np.where(size > 0, z[last] if len(z) else 0.0, 0.0)
    order = order[z[order] <= limit[cell[order]]]
    starts = np.concatenate([[0], np.cumsum(np.bincount(cell[order], minlength=cells))])
    long = n > _LONGEST
    k = np.where(long, k * (_LONGEST / np.maximum(n, 1.0)), k)
    whole_k = np.rint(k).astype(np.int64)
    whole_n = np.maximum(np.rint(np.where(long, _LONGEST, n)).astype(np.int64), whole_k)
    means, concentrations = np.empty(cells), np.empty(cells)
    _fit(starts, whole_k[order], whole_n[order], means, concentrations)
    return means, concentrations, size


@dataclass(frozen=True)
class Cohorts:
    """Which cell each account belongs to, for each stretch, from the narrowest to everybody.

    ``levels``: (level, stretch, account) cell numbers; ``cells``: how many cells a level has.
    ``offender`` accounts, confirmed by people, are compared but never part of a comparison.
    """

    levels: Whole
    cells: tuple[int, ...]
    offender: NDArray[np.bool_]
    spec: ThresholdSpec

    @classmethod
    def build(
        cls,
        band: NDArray[Any],
        tenure: NDArray[Any],
        activity: Whole,
        offender: NDArray[np.bool_],
        spec: ThresholdSpec,
    ) -> Cohorts:
        """``activity``: (stretch, account) numbers of contacts; deciles among the active."""
        stretches, accounts = activity.shape
        levels = np.zeros((4, stretches, accounts), np.int32)
        buckets = len(TENURES) + 2
        for s in range(stretches):
            active = activity[s][activity[s] > 0]
            cuts = np.quantile(active, np.arange(1, 10) / 10) if len(active) else np.zeros(9)
            decile = np.searchsorted(cuts, activity[s], side="left")
            levels[0, s] = (band * buckets + tenure.astype(np.int32)) * 10 + decile
            levels[1, s] = band.astype(np.int32) * 10 + decile
            levels[2, s] = band
        bands = len(BANDS)
        return cls(levels, (bands * buckets * 10, bands * 10, bands, 1), offender, spec)

    def rates(self, account: Whole, k: Floats, n: Floats) -> tuple[Floats, Floats]:
        """Mean and concentration of the cohort of each (stretch, row); k, n are (stretch, row).

        ``account`` names the account of each row.
        """
        mean, concentration = np.full(k.shape, 0.5), np.full(k.shape, _LEAST)
        for s in range(len(k)):
            members = (n[s] >= self.spec.cohort_minimum) & ~self.offender[account]
            settled = np.zeros(len(account), np.bool_)
            for level, cells in enumerate(self.cells):
                cell = self.levels[level, s, account].astype(np.int64)
                size = np.bincount(cell[members], minlength=cells)
                enough = size >= self.spec.cohort_size
                if level == len(self.cells) - 1:
                    enough[:] = True
                use = enough[cell] & ~settled
                if not use.any():
                    continue
                # only the cells that are used are fitted
                number = np.cumsum(enough) - 1
                inside = members & enough[cell]
                means, concentrations, _ = fit_cells(
                    number[cell[inside]],
                    k[s][inside],
                    n[s][inside],
                    int(enough.sum()),
                    self.spec.trim,
                )
                mean[s, use] = means[number[cell[use]]]
                concentration[s, use] = concentrations[number[cell[use]]]
                settled |= use
        return mean, concentration

    def scatter(self, account: Whole, k: Floats, expected: Floats, n: Floats) -> Floats:
        """Gamma shape of each (stretch, row): how tightly ordinary accounts follow expectation.

        By moments over the cohort (age band), the most extreme trimmed; between 1 and 100.
        """
        shape = np.full(k.shape, 10.0)
        for s in range(len(k)):
            members = (n[s] >= self.spec.cohort_minimum) & ~self.offender[account]
            members &= expected[s] > 0
            cell = self.levels[2, s, account].astype(np.int64)
            cells = self.cells[2]
            size = np.bincount(cell[members], minlength=cells)
            cell = np.where(size[cell] >= self.spec.cohort_size, cell, cells)
            squares = (k[s] - expected[s]) ** 2
            ratio = np.divide(squares, expected[s], out=np.zeros_like(squares), where=members)
            for c in range(cells + 1):
                # everybody stands in for a cohort that is too small
                inside = members & ((cell == c) | (c == cells))
                if not inside.any():
                    continue
                limit = np.quantile(ratio[inside], 1.0 - self.spec.trim)
                inside &= ratio <= limit
                e = np.sort(expected[s, inside])
                extra = np.sort(squares[inside]).sum() - e.sum()
                value = (e**2).sum() / extra if extra > 0 else 100.0
                shape[s, cell == c] = np.clip(value, 1.0, 100.0)
        return shape
