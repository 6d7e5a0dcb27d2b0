"""Comparable accounts: who belongs to which cohort, and what is usual there.

A cohort is an age band × tenure × decile of activity; where too few of its accounts have enough
evidence, tenure is dropped, then activity, then age.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signals.engine.beta_binomial import NO_RATE, fit_cells, kept
from signals.engine.grouping import Grouping, counted, own_cell, ranked
from signals.engine.prepare import BANDS, TENURES
from signals.engine.priors import Priors
from signals.scoring import rate_llr
from signals.spec import ThresholdSpec

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

# deciles of activity; activity is heavy-tailed, so the last one is divided further
_ACTIVITY = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)
CHILD_BAND = BANDS.index("13_15")  # whom a child recorded as an adult is compared with
# Above this, an account recorded as an adult is taken for a child, and adults are not measured by
# it. Up to a third of children are recorded so, and would be the upper end of every measure.
TAKEN_FOR_A_CHILD = 0.5


def _cuts(activity: Whole) -> Floats:
    """Where the parts of activity end, among the active."""
    active = activity[activity > 0]
    cuts: Floats = np.quantile(active, _ACTIVITY) if len(active) else np.zeros(len(_ACTIVITY))
    return cuts


@dataclass(frozen=True)
class Cohorts:
    """Which cell each account belongs to, for each stretch, from the narrowest to everybody.

    ``levels``: (level, stretch, account) cell numbers; ``cells``: how many cells a level has;
    ``active``: (stretch, account) made any contact; ``child_share``: of children among the people
    of known age who are contacted by anybody; ``child_like``: by account, the probability that it
    is a child recorded as an adult. Those ``apart`` are compared but never part of a comparison:
    offenders confirmed by people, and likely children among those recorded as adults.
    ``threads_recorded``: whether the platform records private threads at all. ``groups``: what
    ``tails`` compares, once made.
    """

    levels: NDArray[np.int32]
    cells: tuple[int, ...]
    active: NDArray[np.bool_]
    apart: NDArray[np.bool_]
    child_share: float
    child_like: Floats
    spec: ThresholdSpec
    threads_recorded: bool = True
    priors: Priors = field(default_factory=Priors)
    groups: dict[tuple[int, int | None], Grouping] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        band: NDArray[Any],
        tenure: NDArray[Any],
        activity: Whole,
        offender: NDArray[np.bool_],
        child_share: float,
        child_like: Floats,
        spec: ThresholdSpec,
        priors: Priors | None = None,
        threads_recorded: bool = True,
    ) -> Cohorts:
        """``activity``: (stretch, account) numbers of contacts; deciles among the active.

        ``offender``: accounts that people confirmed.
        """
        priors = priors or Priors()
        stretches, accounts = activity.shape
        levels = np.zeros((4, stretches, accounts), np.int32)
        buckets = len(TENURES) + 2
        for s in range(stretches):
            cuts = priors.fixed(f"cuts/{s}", lambda s=s: _cuts(activity[s]))  # type: ignore[misc]
            part = np.searchsorted(cuts, activity[s], side="left")
            parts = len(_ACTIVITY) + 1
            levels[0, s] = (band * buckets + tenure.astype(np.int32)) * parts + part
            levels[1, s] = band.astype(np.int32) * parts + part
            levels[2, s] = band
        bands = len(BANDS)
        cells = (bands * buckets * parts, bands * parts, bands, 1)
        return cls(
            levels,
            cells,
            activity > 0,
            offender | (child_like > TAKEN_FOR_A_CHILD),
            child_share,
            child_like,
            spec,
            threads_recorded,
            priors,
        )

    @property
    def accounts(self) -> int:
        """How many accounts there are."""
        return len(self.apart)

    def group(
        self,
        s: int,
        account: Whole,
        members: NDArray[np.bool_],
        first_level: int = 0,
        band: int | None = None,
    ) -> Grouping:
        """Compare each row with the narrowest cell that has members enough in stretch ``s``.

        With ``band`` every row is compared as if it were of that age band.
        """
        members = members & ~self.apart[account]
        result = np.full(len(account), -1, np.int64)
        rows, cells_of, count = [], [], 0
        levels, places = [], []
        for level in range(first_level, len(self.cells)):
            cell = self.levels[level, s, account].astype(np.int64)
            own = own_cell(cell, self.cells, level, band)
            size = np.bincount(cell[members], minlength=self.cells[level])
            enough = size >= self.spec.cohort_size
            if level == len(self.cells) - 1:
                enough[:] = True
            use = enough[own] & (result < 0)
            if not use.any():
                continue
            needed = np.zeros(self.cells[level], np.bool_)
            needed[own[use]] = True
            number = np.cumsum(needed) - 1 + count
            inside = np.flatnonzero(members & needed[cell])
            rows.append(inside)
            cells_of.append(number[cell[inside]])
            result[use] = number[own[use]]
            places.append(np.flatnonzero(needed))
            levels.append(np.full(len(places[-1]), level))
            count += len(places[-1])
        empty = np.zeros(0, np.int64)
        return Grouping(
            result,
            np.concatenate(rows) if rows else empty,
            np.concatenate(cells_of) if cells_of else empty,
            np.concatenate(levels) if levels else empty,
            np.concatenate(places) if places else empty,
        )

    def _note(self, page: str, s: int, group: Grouping, **fitted: NDArray[Any]) -> None:
        """Remember what was fitted for each cell of this question in stretch ``s``."""
        size = np.bincount(group.cell_of, minlength=group.count)
        for name, values in {
            "level": group.level,
            "place": group.place,
            "size": size,
            **fitted,
        }.items():
            self.priors.note(f"{page}/{s}/{name}", values)

    def rates(
        self, account: Whole, k: Floats, n: Floats, band: int | None = None
    ) -> tuple[Floats, Floats]:
        """Mean and concentration of the cohort of each (stretch, row); k, n are (stretch, row).

        ``account`` names the account of each row. With ``band`` every row is compared as if it were
        of that age band.
        """
        page = self.priors.page("rates" if band is None else "rates_of_band")
        mean, concentration = (np.full(k.shape, none) for none in NO_RATE)
        for s in range(len(k)):
            group = self.group(s, account, n[s] >= self.spec.cohort_minimum, band=band)
            means, concentrations = fit_cells(
                group.cell_of,
                k[s][group.member],
                n[s][group.member],
                group.count,
                self.spec.trim,
            )
            self._note(page, s, group, mean=means, concentration=concentrations)
            mean[s], concentration[s] = means[group.cell], concentrations[group.cell]
        return mean, concentration

    def or_a_child(
        self, llr: Floats, account: Whole, k: Floats, n: Floats, alternative: float
    ) -> Floats:
        """The ratio ``llr`` where "harmless" may also mean a child recorded as an adult.

        So far as an account's ties look like those of such a child (``child_like``, q), children
        are what it is to be compared with: −log((1 − q) e^−llr + q e^−llr′), where llr′ is that of
        k of n against children of its tenure and activity. A comparison, never an excuse: what
        children do not do either counts as before. NaN stays NaN.
        """
        mean, concentration = self.rates(account, k, n, CHILD_BAND)
        like = self.child_like[account]
        some = (like > 0.0) & ~np.isnan(llr)
        q = like[np.nonzero(some)[1]]
        among = rate_llr(
            k[some],
            n[some],
            mean[some],
            concentration[some],
            alternative,
            self.spec.concentration,
        )
        result = llr.copy()
        result[some] = -np.logaddexp(np.log1p(-q) - llr[some], np.log(q) - among)
        return result

    def tails(self, account: Whole, values: Floats, child_like: Floats | None = None) -> Floats:
        """The share of each cohort's active accounts with such a value or more: (stretch, row).

        Accounts without a row count as 0. Half of the equal ones count; never 0 or 1.
        ``child_like``: by row, how probable it is that the account is a child recorded as an
        adult; so much of the comparison is with children.
        """
        page = self.priors.page("tails")
        result = np.ones(values.shape)
        for s in range(len(values)):
            result[s] = self._tail(f"{page}/all", s, account, values[s], None)
            if child_like is not None and child_like.any():
                among_children = self._tail(f"{page}/children", s, account, values[s], CHILD_BAND)
                result[s] += child_like * (among_children - result[s])
        return result

    def _tail(self, page: str, s: int, account: Whole, values: Floats, band: int | None) -> Floats:
        group = self._everybody(s, band)
        levels, ranks = ranked(values)
        rank = np.zeros(self.accounts, np.int64)
        rank[account] = ranks
        # one number for (cell, value) lets a single search serve all cells
        width = len(levels)
        keys, many = counted(group.cell_of * width + rank[group.member], group.count * width)
        below = np.concatenate([[0], np.cumsum(many)])
        first = np.searchsorted(keys, np.arange(group.count + 1) * width)
        starts = below[first]
        cell = keys // width
        self._note(
            page,
            s,
            group,
            starts=first,
            value=levels[keys % width],
            below=below[:-1] - starts[cell],
        )
        own = group.cell[account]
        wanted = own * width + ranks
        size = starts[own + 1] - starts[own]
        above = starts[own + 1] - below[np.searchsorted(keys, wanted, side="right")]
        at_least = starts[own + 1] - below[np.searchsorted(keys, wanted, side="left")]
        return np.asarray((0.5 * (above + at_least) + 0.5) / (size + 1.0))

    def _everybody(self, s: int, band: int | None) -> Grouping:
        """All accounts against the active ones: the same for every indicator."""
        if (s, band) not in self.groups:
            everybody = np.arange(self.accounts)
            self.groups[s, band] = self.group(s, everybody, self.active[s], band=band)
        return self.groups[s, band]

    def standardise(self, account: Whole, values: Floats, level: int = 2) -> Floats:
        """Values less their cohort's median, in units of its spread (half of 16 % to 84 %).

        (stretch, row); NaN values stay NaN and belong to no comparison. The spread is at least a
        twentieth of everybody's, so that a cohort of equals does not make a hair's breadth
        remarkable.
        """
        page = self.priors.page("standardise")
        result = np.full(values.shape, np.nan)
        for s in range(len(values)):
            known = ~np.isnan(values[s])
            if not known.any():
                continue
            group = self.group(s, account, known, level)
            middle, spread = np.zeros(group.count), np.ones(group.count)
            low, high = np.quantile(values[s][known], (0.16, 0.84))
            least = max(0.05 * 0.5 * (high - low), 1e-9)
            order = np.argsort(group.cell_of, kind="stable")
            starts = np.searchsorted(group.cell_of[order], np.arange(group.count + 1))
            for cell in range(group.count):
                inside = values[s][group.member[order[starts[cell] : starts[cell + 1]]]]
                if len(inside):
                    low, middle[cell], high = np.quantile(inside, (0.16, 0.5, 0.84))
                    spread[cell] = max(0.5 * (high - low), least)
            self._note(page, s, group, middle=middle, spread=spread)
            result[s] = (values[s] - middle[group.cell]) / spread[group.cell]
        return result

    def scatter(self, account: Whole, k: Floats, expected: Floats, n: Floats) -> Floats:
        """Gamma shape of each (stretch, row): how tightly ordinary accounts follow expectation.

        By moments over the cohort, the most extreme trimmed; between 1 and 100.
        """
        page = self.priors.page("scatter")
        shape = np.full(k.shape, 10.0)
        for s in range(len(k)):
            members = (n[s] >= self.spec.cohort_minimum) & (expected[s] > 0)
            group = self.group(s, account, members, 2)
            e, square = expected[s][group.member], (k[s] - expected[s])[group.member] ** 2
            order = np.lexsort((square / e, group.cell_of))
            starts = np.searchsorted(group.cell_of[order], np.arange(group.count + 1))
            fitted = np.full(group.count, 10.0)
            for cell in range(group.count):
                size = starts[cell + 1] - starts[cell]
                inside = order[starts[cell] :][: int(kept(size, self.spec.trim))]
                extra = np.sort(square[inside]).sum() - np.sort(e[inside]).sum()
                whole = (np.sort(e[inside]) ** 2).sum()
                fitted[cell] = np.clip(whole / extra, 1.0, 100.0) if extra > 0 else 100.0
            self._note(page, s, group, shape=fitted)
            shape[s] = fitted[group.cell]
        return shape

    def per_unit(self, account: Whole, events: Floats, n: Floats) -> Floats:
        """Events a unit of n in the cohort of each (stretch, row), the most extreme rates
        trimmed."""
        page = self.priors.page("per_unit")
        result = np.zeros(events.shape)
        for s in range(len(events)):
            group = self.group(s, account, n[s] >= self.spec.cohort_minimum, 2)
            value, units = events[s][group.member], n[s][group.member]
            order = np.lexsort((units, value / np.maximum(units, 1.0), group.cell_of))
            starts = np.searchsorted(group.cell_of[order], np.arange(group.count + 1))
            fitted = np.zeros(group.count)
            for cell in range(group.count):
                size = starts[cell + 1] - starts[cell]
                inside = order[starts[cell] :][: int(kept(size, self.spec.trim))]
                fitted[cell] = np.sort(value[inside]).sum() / max(units[inside].sum(), 1.0)
            self._note(page, s, group, rate=fitted)
            result[s] = fitted[group.cell]
        return result

    def same_size(self, account: Whole, values: Floats, size: Floats) -> tuple[Floats, Floats]:
        """z of values among accounts of the same age band and ``size``, and what is usual there.

        (stretch, row); NaN values stay NaN and belong to no comparison. Mean and standard deviation
        of a size are steadied by those of all sizes; a cell too small gives way to all ages.
        """
        page = self.priors.page("same_size")
        z, usual = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
        sizes = int(size.max(initial=0.0)) + 1
        for s in range(len(values)):
            known = ~np.isnan(values[s])
            if not known.any():
                continue
            member = known & ~self.apart[account]
            member = member if member.any() else known
            band = self.levels[2, s, account].astype(np.int64)
            bucket = size[s].astype(np.int64)
            fine = band * sizes + bucket
            many = np.bincount(fine[member], minlength=fine.max() + 1)
            rough = many[fine] < self.spec.cohort_size
            cell = np.where(rough, (fine.max() + 1) + bucket, fine)
            # those who are compared with all ages are compared with all of them
            members = np.concatenate([np.flatnonzero(member), np.flatnonzero(member)])
            cells = np.concatenate([fine[member], (fine.max() + 1) + bucket[member]])
            count = int(max(cell.max(), cells.max())) + 1
            x = np.round(values[s][members], 9)
            order = np.lexsort((x, cells))  # sums in an order that ids cannot change
            x, cells = x[order], cells[order]
            n = np.bincount(cells, minlength=count)
            mean_all, var_all = x.mean(), max(x.var(), 1e-12)
            mean = (np.bincount(cells, x, count) + 5.0 * mean_all) / (n + 5.0)
            square = (np.bincount(cells, (x - mean[cells]) ** 2, count) + 5.0 * var_all) / (n + 5.0)
            for name, found in {
                "sizes": sizes,
                "many": many,
                "mean": mean,
                "square": square,
                "everybody": (mean_all, var_all),
            }.items():
                self.priors.note(f"{page}/{s}/{name}", found)
            z[s] = (values[s] - mean[cell]) / np.sqrt(square[cell])
            usual[s] = np.where(known, mean[cell], np.nan)
        return z, usual
