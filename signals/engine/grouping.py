"""Which accounts are compared with which, and counts ranked without sorting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from signals.engine.prepare import BANDS

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Grouping:
    """Which fitted cell each row is compared with, and who belongs to each cell.

    ``cell``: by row. ``member``/``cell_of``: pairs of row and cell; an account belongs to a cell of
    every level that is used. ``level``/``place``: which cell of which level each fitted one is.
    """

    cell: Whole
    member: Whole
    cell_of: Whole
    level: Whole
    place: Whole

    @property
    def count(self) -> int:
        """How many cells are fitted."""
        return len(self.level)


def own_cell(cell: Whole, cells: tuple[int, ...], level: int, band: int | None) -> Whole:
    """The cell that each row is compared with: its own, or with ``band`` that of this age band."""
    if band is None or level == len(cells) - 1:
        return cell
    width = max(cells[level] // len(BANDS), 1)
    return cell % width + band * width


def ranked(values: Floats) -> tuple[Floats, Whole]:
    """The distinct values and 0, rising, and the place of each value among them.

    None is negative. Counts of something, as most are, need no sorting.
    """
    whole = values.astype(np.int64)
    most = int(whole.max(initial=0))
    if most > 4 * len(values) + 1000 or not np.array_equal(whole, values):
        levels, places = np.unique(np.concatenate([[0.0], values]), return_inverse=True)
        return levels, places[1:]
    there = np.zeros(most + 1, np.bool_)
    there[0] = there[whole] = True
    return np.flatnonzero(there).astype(np.float64), (np.cumsum(there) - 1)[whole]


def counted(keys: Whole, most: int) -> tuple[Whole, Whole]:
    """The distinct keys, rising, and how many there are of each; all are below ``most``."""
    if most > 4 * len(keys) + 1000:
        return np.unique(keys, return_counts=True)
    many = np.bincount(keys, minlength=most)
    there = np.flatnonzero(many)
    return there, many[there]
