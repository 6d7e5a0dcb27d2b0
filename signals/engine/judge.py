"""All indicators over all accounts, combined into points and flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signals.engine.cohorts import Cohorts
from signals.engine.prepare import Prepared
from signals.indicators.base import Frame, Judgement, Tables, by_stretch
from signals.indicators.registry import REGISTRY
from signals.scoring import POINTS, SPEAKS, Combined, best_stretch, clip, combine, flags, ranks
from signals.spec import KEYS, ThresholdSpec

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """Every assessed account: numbers in ``account``, rising; other arrays follow it.

    ``llr``, ``k``, ``n``: (stretch, indicator, account), NaN where not assessed, llr clipped.
    ``best``: the stretch that gave the points. ``minors``: (stretch, account).
    """

    account: NDArray[np.int64]
    judgements: Mapping[str, Judgement]
    llr: Floats
    k: Floats
    n: Floats
    combined: Combined
    best: NDArray[np.int64]
    points: Floats
    points_without: Floats
    minors: NDArray[np.int64]
    flagged: NDArray[np.bool_]
    rank: NDArray[np.int64]


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
    for key, indicator in REGISTRY.items():
        if spec[key].enabled:
            found = frame(tables.ask(indicator.counts(tables)), stretches)
            judgements[key] = indicator.judge(found, cohorts, spec)
    assessed = np.zeros(prepared.count, np.bool_)
    for judgement in judgements.values():
        assessed[judgement.account[~np.isnan(judgement.llr).all(axis=0)]] = True
    account = np.flatnonzero(assessed)
    llr, k, n = np.full((3, stretches, len(KEYS), len(account)), np.nan)
    for place, key in enumerate(KEYS):
        if key not in judgements:
            continue
        judgement = judgements[key]
        rows = np.flatnonzero(assessed[judgement.account])
        to = np.searchsorted(account, judgement.account[rows])
        known = ~np.isnan(judgement.llr[:, rows])
        llr[:, place, to] = clip(judgement.llr[:, rows], key, spec)
        k[:, place, to] = np.where(known, judgement.k[:, rows], np.nan)
        n[:, place, to] = np.where(known, judgement.n[:, rows], np.nan)
    _excuse(llr)
    combined = combine(llr, spec)
    best = best_stretch(combined.llr)
    at = best, np.arange(len(account))
    points = combined.llr[at] * POINTS
    without = combine(llr, spec, leave_out=("private_fast",)).llr
    minors = _minors(tables, prepared.count)[:, account]
    flagged = flags(
        points,
        combined.speaking[at],
        minors[at],
        combined.fired[at],
        prepared.exempt[account],
        spec,
    )
    return Judged(
        account=account,
        judgements=judgements,
        llr=llr,
        k=k,
        n=n,
        combined=combined,
        best=best,
        points=points,
        points_without=_highest(without) * POINTS,
        minors=minors,
        flagged=flagged,
        rank=ranks(points),
    )


def _excuse(llr: Floats) -> None:
    """Belonging to the children's circle does not excuse taking them aside."""
    belongs, aside = KEYS.index("embedded"), KEYS.index("private_threads")
    speaks = np.nan_to_num(llr[:, aside]) >= SPEAKS
    llr[:, belongs] = np.where(speaks, np.maximum(llr[:, belongs], 0.0), llr[:, belongs])


def _highest(total: Floats) -> Floats:
    """The highest of the stretches, 0 where nothing is assessed."""
    highest = np.where(np.isnan(total), -np.inf, total).max(axis=0)
    return np.where(np.isfinite(highest), highest, 0.0)


def _minors(tables: Tables, accounts: int) -> NDArray[np.int64]:
    """Distinct children that each account contacted: (stretch, account)."""
    c = tables.toward_children()
    found = tables.ask(by_stretch(c, tables.spec, "u", n=c.m >= 0))
    result = np.zeros((len(tables.spec.stretches), accounts), np.int64)
    for place in range(len(result)):
        result[place, found["account"]] = found[f"n_{place}"]
    return result
