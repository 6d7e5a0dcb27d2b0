"""Cohorts as a run left them: a few accounts compared with what was fitted over all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from signals.engine.beta_binomial import NO_RATE
from signals.engine.cohorts import CHILD_BAND, Cohorts
from signals.engine.grouping import own_cell
from signals.engine.prepare import BANDS

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


class FrozenCohorts(Cohorts):
    """Answers as ``Cohorts`` did in the run whose priors it is given.

    An account that has moved to a cell which nobody stood in is compared with the largest that was
    fitted for its age band, else with the largest of all.
    """

    def _figures(self, page: str, s: int) -> dict[str, NDArray[Any]]:
        """What was fitted for this question in stretch ``s``, by name; empty if nothing was."""
        prefix = f"{page}/{s}/"
        names = ("level", "place", "size", *self._fitted)
        found = {name: self.priors.figures.get(prefix + name) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    _fitted = (
        "mean", "concentration", "middle", "spread", "shape", "rate", "starts", "value", "below",
    )  # fmt: skip

    def _cells(
        self, fitted: dict[str, NDArray[Any]], s: int, account: Whole, band: int | None = None
    ) -> Whole:
        """The position of each account's cell among the fitted ones."""
        level_of, place_of = fitted["level"], fitted["place"]
        result = np.full(len(account), -1, np.int64)
        for level in range(len(self.cells)):
            at = np.flatnonzero(level_of == level)
            if not len(at):
                continue
            cell = self.levels[level, s, account].astype(np.int64)
            own = own_cell(cell, self.cells, level, band)
            place = np.minimum(np.searchsorted(place_of[at], own), len(at) - 1)
            there = (place_of[at][place] == own) & (result < 0)
            result[there] = at[place[there]]
        lost = np.flatnonzero(result < 0)
        if len(lost):
            widths = np.array([max(cells // len(BANDS), 1) for cells in self.cells])
            bands = np.where(level_of < len(self.cells) - 1, place_of // widths[level_of], -1)
            bands[level_of == 2] = place_of[level_of == 2]
            by_size = np.argsort(-fitted["size"], kind="stable")
            for row in lost:
                wanted = self.levels[2, s, account[row]] if band is None else band
                alike = by_size[bands[by_size] == wanted]
                result[row] = (alike if len(alike) else by_size)[0]
        return result

    def _each(
        self, page: str, account: Whole, default: float, name: str, band: int | None = None
    ) -> Floats:
        """The fitted figure of each (stretch, row); ``default`` where nothing was fitted."""
        stretches = self.levels.shape[1]
        result = np.full((stretches, len(account)), default)
        for s in range(stretches):
            fitted = self._figures(page, s)
            if len(fitted.get("level", ())) and len(account):
                result[s] = fitted[name][self._cells(fitted, s, account, band)]
        return result

    def rates(
        self, account: Whole, k: Floats, n: Floats, band: int | None = None
    ) -> tuple[Floats, Floats]:
        page = self.priors.page("rates" if band is None else "rates_of_band")
        mean = self._each(page, account, NO_RATE[0], "mean", band)
        return mean, self._each(page, account, NO_RATE[1], "concentration", band)

    def scatter(self, account: Whole, k: Floats, expected: Floats, n: Floats) -> Floats:
        return self._each(self.priors.page("scatter"), account, 10.0, "shape")

    def per_unit(self, account: Whole, events: Floats, n: Floats) -> Floats:
        return self._each(self.priors.page("per_unit"), account, 0.0, "rate")

    def standardise(self, account: Whole, values: Floats, level: int = 2) -> Floats:
        page = self.priors.page("standardise")
        middle = self._each(page, account, np.nan, "middle")
        return (values - middle) / self._each(page, account, 1.0, "spread")

    def tails(self, account: Whole, values: Floats, child_like: Floats | None = None) -> Floats:
        page = self.priors.page("tails")
        result = np.ones(values.shape)
        for s in range(len(values)):
            result[s] = self._frozen_tail(f"{page}/all", s, account, values[s], None)
            if child_like is not None:
                among = self._frozen_tail(f"{page}/children", s, account, values[s], CHILD_BAND)
                result[s] += child_like * np.where(np.isnan(among), 0.0, among - result[s])
        return result

    def _frozen_tail(
        self, page: str, s: int, account: Whole, values: Floats, band: int | None
    ) -> Floats:
        fitted = self._figures(page, s)
        if not len(fitted.get("level", ())) or not len(account):
            return np.full(len(account), np.nan if band is not None else 0.5)
        cells = self._cells(fitted, s, account, band)
        starts, value, below = fitted["starts"], fitted["value"], fitted["below"]
        low, high = starts[cells], starts[cells + 1]
        left, right = low.copy(), low.copy()
        order = np.argsort(cells, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(cells[order])) + 1):
            among = value[low[rows[0]] : high[rows[0]]]
            left[rows] += np.searchsorted(among, values[rows], side="left")
            right[rows] += np.searchsorted(among, values[rows], side="right")
        size = fitted["size"][cells].astype(np.float64)
        at_least, above = np.zeros(len(cells)), np.zeros(len(cells))
        for place, count in ((left, at_least), (right, above)):
            within = place < high
            count[within] = size[within] - below[place[within]]
        return (0.5 * (above + at_least) + 0.5) / (size + 1.0)

    def same_size(self, account: Whole, values: Floats, size: Floats) -> tuple[Floats, Floats]:
        page = self.priors.page("same_size")
        z, usual = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
        for s in range(len(values)):
            figures = {
                name: self.priors.figures.get(f"{page}/{s}/{name}")
                for name in ("sizes", "many", "mean", "square", "everybody")
            }
            many, mean, square = figures["many"], figures["mean"], figures["square"]
            everybody, sizes = figures["everybody"], figures["sizes"]
            if many is None or mean is None or square is None or everybody is None or sizes is None:
                continue
            width, known = int(sizes), ~np.isnan(values[s])
            band, bucket = self.levels[2, s, account].astype(np.int64), size[s].astype(np.int64)
            fine = band * width + bucket
            inside = (bucket < width) & (fine < len(many))
            rough = np.ones(len(account), np.bool_)
            rough[inside] = many[fine[inside]] < self.spec.cohort_size
            cell = np.where(rough, len(many) + bucket, fine)
            there = (cell < len(mean)) & (~rough | (bucket < width))
            at = np.where(there, cell, 0)
            centre = np.where(there, mean[at], everybody[0])
            spread = np.where(there, square[at], everybody[1])
            z[s] = (values[s] - centre) / np.sqrt(spread)
            usual[s] = np.where(known, centre, np.nan)
        return z, usual
