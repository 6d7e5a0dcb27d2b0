"""How well scores find what is known to be true: every figure of the ``evaluate`` command.

Pure functions over Arrow tables. The truth decides who is counted: an account of the truth without
a score ranks below all others, together with the rest of its kind; a scored account that the truth
does not name is left out, and counted as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from signals.ranking import (
    average_precision,
    average_precision_interval,
    hits_at,
    precision_at,
    recall_at,
    wilson,
)
from signals.spec import KEYS, NAMES
from signals.truth import Truth

SECONDS_A_DAY = 86_400.0
GROUP_COLUMNS = ("region", "age_band", "gender")
NOT_GIVEN = "not given"

DEFINITIONS: dict[str, str] = {
    "average_precision": "Mean over the planted accounts of the precision at each one's place in "
    "the ranking; accounts with equal points count as one step. Interval: nine in ten of 500 draws "
    "of the planted accounts with replacement.",
    "precision_at_k": "Planted accounts among the k highest, divided by k; a tie cut by k counts "
    "by its expected share.",
    "recall_at_k": "Planted accounts among the k highest, divided by all planted accounts.",
    "recall": "Flagged planted accounts divided by planted accounts of that strategy.",
    "false_positive_rate": "Flagged accounts divided by all accounts of that harmless class or "
    "group, with Wilson's 95 % interval.",
    "days_to_case": "Days from a planted account's first contact with a recorded child to its "
    "case, or to the first of the replayed dates on which it would have been flagged. Accounts "
    "without a case are counted beside the median, not in it.",
    "single_indicator": "The ranking by one indicator's log-likelihood ratio alone; not assessed "
    "counts as 0.",
    "sample": "Of the cases that were drawn by chance from below the threshold and decided, the "
    "share that was confirmed, with Wilson's 95 % interval; missed: the same of all accounts "
    "below the threshold that could have been drawn.",
    "ablation": "Average precision of the full score minus that of the score without the "
    "indicator: positive where it helps.",
}


@dataclass(frozen=True)
class Scored:
    """Scores in the order of the truth; accounts without a score have -inf points."""

    points: NDArray[np.float64]
    flagged: NDArray[np.bool_]
    assessed: NDArray[np.bool_]
    llr: Mapping[str, NDArray[np.float64]]
    without_private_fast: NDArray[np.float64] | None
    unknown: int


def align(scores: pa.Table, truth: Truth) -> Scored:
    """Scores (``account_id``, ``points``, ``flagged``, ``<key>_llr``) in the order of the truth."""
    place = truth.place(scores.column("account_id"))
    known = place >= 0

    def spread(name: str, missing: float) -> NDArray[np.float64]:
        values = np.full(truth.size, missing)
        column = pc.fill_null(scores.column(name).cast(pa.float64()), np.nan).to_numpy()
        values[place[known]] = column[known]
        return values

    assessed = np.zeros(truth.size, dtype=np.bool_)
    assessed[place[known]] = True
    hours = "points_without_private_fast"
    return Scored(
        points=spread("points", -np.inf),
        flagged=spread("flagged", 0.0) == 1.0,
        assessed=assessed,
        llr={
            key: spread(f"{key}_llr", np.nan) for key in KEYS if f"{key}_llr" in scores.column_names
        },
        without_private_fast=spread(hours, -np.inf) if hours in scores.column_names else None,
        unknown=int((~known).sum()),
    )


def evaluate(
    scores: pa.Table,
    truth: Truth,
    *,
    ks: Sequence[int] = (50, 100, 200),
    groups: pa.Table | None = None,
    first_contacts: Mapping[str, datetime] | None = None,
    cases: Mapping[str, datetime] | None = None,
    ablation: Mapping[str, NDArray[np.float64]] | None = None,
    calibration: Mapping[str, Any] | None = None,
    sample: Mapping[str, Any] | None = None,
    flagged_without: NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    """Every figure, as plain JSON values with their definitions.

    ``groups`` has ``account_id`` and any of region, age_band, gender. ``first_contacts`` and
    ``cases`` give moments by account_id, for the days to a case. ``ablation`` maps an indicator to
    the points of the score without it, in the order of the truth (see ``points_without``).
    ``calibration`` is what ``signals.calibration`` found and ``sample`` what ``signals.sampled``
    did, passed on. ``flagged_without`` says, in
    the order of the truth, which accounts a run without ``private_fast`` flags.
    """
    scored = align(scores, truth)
    report = _overall(scored, truth, ks)
    report["indicators"] = _indicators(scored, truth, ablation or {})
    report["strategies"] = _strategies(scored, truth, ks)
    report["hard_negatives"] = _classes(scored, truth)
    report["without_private_fast"] = _without(scored, truth, ks, flagged_without)
    report["groups"] = {} if groups is None else _groups(scored, truth, groups)
    report["days_to_case"] = _days(truth, first_contacts, cases)
    report["calibration"] = calibration
    report["sample"] = sample
    report["definitions"] = DEFINITIONS
    return report


def _precision(
    points: NDArray[np.float64] | None, label: NDArray[np.bool_]
) -> dict[str, float | None]:
    if points is None:
        return {"value": None, "low": None, "high": None}
    interval = average_precision_interval(points, label) or (None, None)
    return {"value": average_precision(points, label), "low": interval[0], "high": interval[1]}


def _at(points: NDArray[np.float64], label: NDArray[np.bool_], ks: Sequence[int]) -> list[Any]:
    return [
        {
            "k": k,
            "hits": hits_at(points, label, k),
            "precision": precision_at(points, label, k),
            "recall": recall_at(points, label, k),
        }
        for k in ks
    ]


def _found(flagged: NDArray[np.bool_], label: NDArray[np.bool_]) -> dict[str, Any]:
    accounts, planted, right = int(flagged.sum()), int(label.sum()), int((flagged & label).sum())
    return {
        "accounts": accounts,
        "planted": right,
        "precision": right / accounts if accounts else None,
        "recall": right / planted if planted else None,
    }


def _without(
    scored: Scored, truth: Truth, ks: Sequence[int], flagged: NDArray[np.bool_] | None
) -> dict[str, Any] | None:
    """The same figures for the score without ``private_fast``; flags where they are given."""
    points, label = scored.without_private_fast, truth.label
    if points is None:
        return None
    report = {"average_precision": _precision(points, label), "at_k": _at(points, label, ks)}
    if flagged is not None:
        other = replace(scored, points=points, flagged=flagged)
        report |= {
            "flagged": _found(flagged, label),
            "strategies": _strategies(other, truth, ks),
            "hard_negatives": _classes(other, truth),
        }
    return report


def _overall(scored: Scored, truth: Truth, ks: Sequence[int]) -> dict[str, Any]:
    label = truth.label
    planted = int(label.sum())
    single = {key: average_precision(_filled(llr), label) for key, llr in scored.llr.items()}
    ranked = sorted(((value or 0.0, key) for key, value in single.items()), reverse=True)
    return {
        "accounts": truth.size,
        "planted": planted,
        "prevalence": planted / truth.size if truth.size else None,
        "assessed": int(scored.assessed.sum()),
        "scored_but_not_in_truth": scored.unknown,
        "average_precision": _precision(scored.points, label),
        "average_precision_without_private_fast": _precision(scored.without_private_fast, label),
        "best_single_indicator": {"key": ranked[0][1], "average_precision": ranked[0][0]}
        if ranked
        else None,
        "at_k": _at(scored.points, label, ks),
        "flagged": _found(scored.flagged, label),
    }


def _filled(llr: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.nan_to_num(llr, nan=0.0, posinf=np.inf, neginf=-np.inf)


def _indicators(
    scored: Scored, truth: Truth, ablation: Mapping[str, NDArray[np.float64]]
) -> list[dict[str, Any]]:
    label = truth.label
    full = average_precision(scored.points, label)
    rows = []
    for key, llr in scored.llr.items():
        assessed = ~np.isnan(llr)
        without = average_precision(ablation[key], label) if key in ablation else None
        rows.append(
            {
                "key": key,
                "name": NAMES[key],
                "average_precision": average_precision(_filled(llr), label),
                "assessed": int(assessed.sum()),
                "planted_assessed": int((assessed & label).sum()),
                "planted_raised": int((_filled(llr)[label] >= 1).sum()),
                "harmless_raised": int((_filled(llr)[~label] >= 1).sum()),
                "average_precision_without": without,
                "ablation": None if without is None or full is None else full - without,
            }
        )
    return rows


def _rate(flagged: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> dict[str, Any]:
    accounts, hit = int(chosen.sum()), int((flagged & chosen).sum())
    low, high = wilson(hit, accounts) or (None, None)
    return {
        "accounts": accounts,
        "flagged": hit,
        "rate": hit / accounts if accounts else None,
        "low": low,
        "high": high,
    }


def _strategies(scored: Scored, truth: Truth, ks: Sequence[int]) -> list[dict[str, Any]]:
    rows = []
    for name in sorted(set(truth.strategy[truth.label].tolist())):
        chosen = truth.label & (truth.strategy == name)
        counted = int(chosen.sum())
        rate = _rate(scored.flagged, chosen)
        rows.append(
            {
                "strategy": name,
                "accounts": counted,
                "flagged": rate["flagged"],
                "recall": rate["rate"],
                "recall_at": {str(k): hits_at(scored.points, chosen, k) / counted for k in ks},
                "median_points": _finite(np.median(scored.points[chosen])),
            }
        )
    return rows


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _classes(scored: Scored, truth: Truth) -> list[dict[str, Any]]:
    harmless = ~truth.label
    return [
        {"class": name, **_rate(scored.flagged, harmless & (truth.strategy == name))}
        for name in sorted(set(truth.strategy[harmless].tolist()))
    ]


def _groups(scored: Scored, truth: Truth, groups: pa.Table) -> dict[str, list[dict[str, Any]]]:
    place = truth.place(groups.column("account_id"))
    known = place >= 0
    result: dict[str, list[dict[str, Any]]] = {}
    for column in GROUP_COLUMNS:
        if column not in groups.column_names:
            continue
        value = np.full(truth.size, NOT_GIVEN, dtype=object)
        given = pc.fill_null(groups.column(column).cast(pa.string()), "").to_numpy()
        value[place[known]] = np.where(given == "", NOT_GIVEN, given)[known]
        result[column] = [
            {"group": name, **_rate(scored.flagged, ~truth.label & (value == name))}
            for name in sorted(set(value.tolist()))
        ]
    return result


def _days(
    truth: Truth,
    first_contacts: Mapping[str, datetime] | None,
    cases: Mapping[str, datetime] | None,
) -> dict[str, Any]:
    planted = truth.account_id.filter(pa.array(truth.label)).to_pylist()
    first, opened = first_contacts or {}, cases or {}
    both = [name for name in planted if name in first and name in opened]
    days = [(opened[name] - first[name]).total_seconds() / SECONDS_A_DAY for name in both]
    return {
        "median": median(days) if days else None,
        "cases": len(both),
        "without_case": sum(name not in opened for name in planted) if cases is not None else None,
    }


def first_flagged(replays: Iterable[tuple[datetime, pa.Table]]) -> dict[str, datetime]:
    """The first replayed moment at which each account was flagged.

    ``replays``: (as of, scores table of that moment), in any order.
    """
    found: dict[str, datetime] = {}
    for moment, table in sorted(replays, key=lambda replay: replay[0]):
        for name in table.filter(table.column("flagged")).column("account_id").to_pylist():
            found.setdefault(name, moment)
    return found


def points_without(
    scored: Scored,
    key: str,
    combine: Callable[[Mapping[str, NDArray[np.float64]]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Points in the order of the truth with one indicator taken as not assessed.

    ``combine`` turns log-likelihood ratios by indicator (NaN: not assessed) into points, as scoring
    does. Accounts without a score keep their place below all others.
    """
    rest = {name: llr for name, llr in scored.llr.items() if name != key}
    missing = {key: np.full(scored.points.size, np.nan)}
    return np.where(scored.assessed, combine({**rest, **missing}), -np.inf)
