"""Groups of accounts that members are drawn from: a class, a town, an age in a region."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int32]


class Cells:
    """Members of numbered cells, in one array sorted by cell and, within it, by popularity.

    Drawing with ``skew`` above 1 prefers popular members: position = size × u^skew.
    """

    def __init__(
        self,
        cell: NDArray[np.int64],
        members: Index,
        popularity: NDArray[np.float64],
        count: int,
    ) -> None:
        kept = cell >= 0
        cell, members = cell[kept], members[kept]
        order = np.lexsort((members, -popularity[members], cell))
        self.members: Index = members[order].astype(np.int32)
        self.size: NDArray[np.int64] = np.bincount(cell, minlength=count).astype(np.int64)
        self.start: NDArray[np.int64] = np.concatenate(([0], np.cumsum(self.size)[:-1]))

    def draw(self, rng: np.random.Generator, cells: NDArray[np.int64], skew: float = 1.3) -> Index:
        """One member of each given cell, -1 for an empty, negative or unknown one."""
        position = rng.random(cells.size) ** skew
        if self.members.size == 0:
            return np.full(cells.size, -1, dtype=np.int32)
        exists = (cells >= 0) & (cells < self.size.size)
        safe = np.where(exists, cells, 0)
        size = np.where(exists, self.size[safe], 0)
        offset = np.minimum((position * size).astype(np.int64), np.maximum(size - 1, 0))
        place = np.minimum(self.start[safe] + offset, self.members.size - 1)
        return np.where(size > 0, self.members[place], -1).astype(np.int32)
