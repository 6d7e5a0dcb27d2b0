"""All indicators over all accounts, combined into points and flags."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from ibis.expr.types import Table
from numpy.typing import NDArray

from signals.engine.aside import judgement_aside
from signals.engine.cohorts import Cohorts
from signals.engine.machine import threads as processors
from signals.engine.prepare import Prepared
from signals.indicators.base import Frame, Judgement, Tables, by_stretch
from signals.indicators.private_threads import threads
from signals.indicators.registry import REGISTRY
from signals.scoring import POINTS, best_stretch, combine, flags, ranks, temper
from signals.spec import KEYS, ThresholdSpec

Floats = NDArray[np.float64]
BLOCK = 100_000  # accounts combined at a time by one thread
WAITING = 2  # indicators counted and not yet judged, besides the one at work
# Slow to judge: counted first, so that others are counted meanwhile. Quickly judged: counted last,
# since nothing is counted beside them.
SLOW, QUICK = ("private_threads", "volume"), ("co_targeting", "age_mismatch", "persists")


@dataclass(frozen=True)
class Judged:
    """Every assessed account: numbers in ``account``, rising; other arrays follow it.

    ``llr``: (stretch, indicator, account), tempered, NaN where not assessed. ``best``: the stretch
    that gave the points; ``speaking`` (groups) and ``minors`` are of that stretch. The judgements
    hold the assessed accounts, without their ratios.
    """

    account: NDArray[np.int64]
    judgements: Mapping[str, Judgement]
    llr: Floats
    best: NDArray[np.int64]
    points: Floats
    points_without: Floats
    speaking: NDArray[np.int64]
    minors: NDArray[np.int64]
    flagged: NDArray[np.bool_]
    rank: NDArray[np.int64]

    def best_llr(self, key: str) -> Floats:
        """By account: an indicator's ratio in the account's stretch, NaN where not assessed."""
        found: Floats = self.llr[self.best, KEYS.index(key), np.arange(len(self.account))]
        return found

    def best_of(self, key: str, name: str) -> Floats:
        """By account: ``k`` or ``n`` of an indicator in the account's stretch, NaN likewise."""
        result = np.full(len(self.account), np.nan)
        if key in self.judgements:
            judgement = self.judgements[key]
            to = np.searchsorted(self.account, judgement.account)
            values = getattr(judgement, name)
            result[to] = values[self.best[to], np.arange(len(to))]
        result[np.isnan(self.best_llr(key))] = np.nan
        return result


def frame(columns: Mapping[str, NDArray[Any]], stretches: int) -> Frame:
    """Columns ``NAME_0`` … as (stretch, row) under NAME, rows in the order of accounts."""
    order = np.argsort(columns["account"], kind="stable")
    names = {name.rsplit("_", 1)[0] for name in columns if name != "account"}
    return Frame(
        account=columns["account"][order].astype(np.int64),
        columns={
            name: np.stack(
                [columns[f"{name}_{place}"][order].astype(np.float64) for place in range(stretches)]
            )
            for name in names
        },
    )


def judge_all(tables: Tables, cohorts: Cohorts, prepared: Prepared, spec: ThresholdSpec) -> Judged:
    """Count, judge, combine and flag."""
    stretches = len(spec.stretches)
    judgements: dict[str, Judgement] = {}
    assessed = np.zeros(prepared.count, np.bool_)
    for key, judgement in _judgements(tables, cohorts, spec):
        assessed[judgement.account[~np.isnan(judgement.llr).all(axis=0)]] = True
        judgements[key] = judgement
    judgements = {key: judgements[key] for key in KEYS if key in judgements}
    account = np.flatnonzero(assessed)
    llr = np.full((stretches, len(KEYS), len(account)), np.nan)
    for key, judged in judgements.items():
        judgement = judged.only(assessed[judged.account])
        to = np.searchsorted(account, judgement.account)
        llr[:, KEYS.index(key), to] = temper(judgement.llr, key, spec)
        judgements[key] = judgement_aside(replace(judgement, llr=judgement.llr[:, :0].copy()))
    total = np.full((stretches, len(account)), np.nan)
    speaking = np.zeros(total.shape, np.int64)
    fired = np.zeros(total.shape, np.bool_)

    def add_up(block: slice) -> None:
        combined = combine(llr[:, :, block], spec)
        total[:, block], speaking[:, block] = combined.llr, combined.speaking
        fired[:, block] = combined.fired

    def add_up_without(rows: NDArray[np.int64]) -> None:
        without[:, rows] = combine(llr[:, :, rows], spec, leave_out=("private_fast",)).llr

    with ThreadPoolExecutor(processors()) as pool:
        list(pool.map(add_up, _blocks(len(account))))
        without = total.copy()
        timed = np.flatnonzero(~np.isnan(llr[:, KEYS.index("private_fast")]).all(axis=0))
        list(pool.map(add_up_without, [timed[block] for block in _blocks(len(timed))]))
    best = best_stretch(total)
    at = best, np.arange(len(account))
    points = total[at] * POINTS
    minors = _minors(tables, prepared.count)[:, account]
    flagged = flags(points, speaking[at], minors[at], fired[at], prepared.exempt[account], spec)
    return Judged(
        account=account,
        judgements=judgements,
        llr=llr,
        best=best,
        points=points,
        points_without=_highest(without) * POINTS,
        speaking=speaking[at],
        minors=minors[at],
        flagged=flagged,
        rank=ranks(points),
    )


def _blocks(count: int) -> list[slice]:
    return [slice(first, first + BLOCK) for first in range(0, count, BLOCK)]


def _judgements(
    tables: Tables, cohorts: Cohorts, spec: ThresholdSpec
) -> Iterator[tuple[str, Judgement]]:
    """Every enabled indicator's judgement, put aside, in the order in which they are counted.

    While the engine counts for one indicator, those before it are judged beside it: counting
    leaves a processor waiting now and then, and judging needs one only. A single one at a time,
    in order, since the cohorts number the questions that they are asked; a few may wait, since
    one takes longer to judge and another to count.
    """

    def judge(key: str, counted: Mapping[str, NDArray[Any]]) -> Judgement:
        cohorts.priors.open(key)
        found = REGISTRY[key].judge(frame(counted, len(spec.stretches)), cohorts, spec)
        return judgement_aside(found.only(np.ones(len(found.account), np.bool_)))

    between = (key for key in REGISTRY if key not in SLOW + QUICK)
    order = [key for key in (*SLOW, *between, *QUICK) if spec[key].enabled]
    waiting: deque[tuple[str, Future[Judgement]]] = deque()
    with ThreadPoolExecutor(1) as beside:
        for key in order:
            counts = partial(REGISTRY[key].counts, tables)
            counted = tables.answer(f"counts of {key}", counts)
            waiting.append((key, beside.submit(judge, key, counted)))
            if len(waiting) > WAITING:
                first, judged = waiting.popleft()
                yield first, judged.result()
        for last, judged in waiting:
            yield last, judged.result()


def _highest(total: Floats) -> Floats:
    """The highest of the stretches, 0 where nothing is assessed."""
    highest = np.where(np.isnan(total), -np.inf, total).max(axis=0)
    return np.where(np.isfinite(highest), highest, 0.0)


def _minors(tables: Tables, accounts: int) -> NDArray[np.int64]:
    """Distinct children that each account contacted or wrote to: (stretch, account).

    Children who let themselves be found are as much concerned as those who are looked for.
    """

    def question() -> Table:
        went = tables.toward_children().select("u", "v", "stretch")
        wrote = threads(tables)
        both = went.union(wrote.filter(wrote.under_18).select("u", "v", "stretch"))
        once = both.group_by("u", "v").aggregate(stretch=both.stretch.min())
        return by_stretch(tables, once, "u", n=once.stretch >= 0)

    found = tables.answer("minors", question)
    result = np.zeros((len(tables.spec.stretches), accounts), np.int64)
    for place in range(len(result)):
        result[place, found["account"]] = found[f"n_{place}"]
    return result
