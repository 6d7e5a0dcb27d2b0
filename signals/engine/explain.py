"""Explanations of chosen accounts: sentences with their numbers, and the rows behind them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr.types import Table
from numpy.typing import NDArray

from signals.engine.derive import Backend
from signals.engine.judge import Judged
from signals.engine.prepare import BANDS, Prepared
from signals.engine.result import EVIDENCE, Contribution, Direction, Explanation, stretch_name
from signals.engine.sample import Sample
from signals.indicators import burst
from signals.indicators.base import EVIDENCE_ROW, Judgement, Said, Tables
from signals.indicators.registry import REGISTRY
from signals.scoring import POINTS, combine
from signals.spec import GROUP_OF, KEYS, NAMES, ThresholdSpec

_ORDER: dict[Direction, int] = {"raises": 0, "lowers": 1, "neutral": 2, "not_assessed": 3}


def wanted(
    judged: Judged,
    prepared: Prepared,
    explain: Collection[int] | None,
    sample: Sample | None = None,
) -> NDArray[np.int64]:
    """Positions in ``judged.account`` of the accounts to explain, best rank first.

    Flagged ones, those asked for, and of the others those that ``sample`` draws: neither exempt nor
    recorded as a child's. A child is not looked into by chance.
    """
    chosen = judged.flagged.copy()
    if sample is not None:
        account = judged.account
        drawn = sample.drawn(prepared.ids[account]) & ~prepared.exempt[account]
        chosen |= drawn & (prepared.band[account] >= BANDS.index("18_plus"))
    if explain:
        asked = np.isin(prepared.ids, np.fromiter(explain, np.int64, len(explain)))
        chosen |= asked[judged.account]
    positions = np.flatnonzero(chosen)
    return positions[np.lexsort((judged.account[positions], judged.rank[positions]))]


def evidence(
    backend: Backend,
    tables: Tables,
    judged: Judged,
    prepared: Prepared,
    positions: NDArray[np.int64],
) -> pa.Table:
    """The rows behind each assessed indicator of these accounts, in the stretch of their points."""
    if not len(positions):
        return EVIDENCE.empty_table()
    asked = asked_of(judged, positions)
    tables = few(backend, tables, judged.account[positions])
    parts = []
    for key, wanted_rows in asked.items():
        if wanted_rows.num_rows:
            parts.append(
                named(backend.fetch(question(backend, tables, key, wanted_rows)), key, prepared)
            )
    return together(parts, judged, prepared)


def asked_of(judged: Judged, positions: NDArray[np.int64]) -> dict[str, pa.Table]:
    """By indicator the accounts whose rows are wanted, and until which stretch."""
    best = judged.best[positions]
    asked = {}
    for key in judged.judgements:
        known = ~np.isnan(judged.best_llr(key)[positions])
        asked[key] = pa.table(
            {
                "wanted": pa.array(judged.account[positions[known]], pa.int32()),
                "until": pa.array(best[known], pa.int8()),
            }
        )
    return asked


def question(backend: Backend, tables: Tables, key: str, wanted: pa.Table) -> Table:
    """An indicator's rows about the accounts in ``wanted``."""
    asked = backend.load(f"wanted_{key}", wanted)
    rows = REGISTRY[key].rows(tables).select(*EVIDENCE_ROW)
    rows = rows.join(asked, rows.account == asked.wanted)
    return rows.filter(rows.stretch <= rows.until)


def together(parts: list[pa.Table], judged: Judged, prepared: Prepared) -> pa.Table:
    """The rows of all indicators, in the order in which they are kept."""
    if not parts:
        return EVIDENCE.empty_table()
    first = ("account", "indicator", "at", "target", "event")
    rest = [name for name in EVIDENCE.names if name not in first]
    rows = pa.concat_tables(parts).sort_by([(name, "ascending") for name in (*first, *rest)])
    return _with_waves(rows, judged, prepared)


def _with_waves(rows: pa.Table, judged: Judged, prepared: Prepared) -> pa.Table:
    """``rows`` with those marked that are of the window which ``burst`` speaks of."""
    at = np.flatnonzero(pc.equal(rows["indicator"], burst.KEY).to_numpy())
    if not len(at):
        return rows
    counted = rows["counted"].to_numpy().copy()
    numbers = np.searchsorted(prepared.ids, rows["account"].to_numpy()[at])
    moments = rows["at"].cast(pa.int64()).to_numpy()[at]
    judgement = judged.judgements[burst.KEY]
    for number in np.unique(numbers):
        of_it = numbers == number
        stretch = int(judged.best[np.searchsorted(judged.account, number)])
        row = int(np.searchsorted(judgement.account, number))
        days, children = judgement.details["days"][stretch, row], judgement.k[stretch, row]
        counted[at[of_it]] = burst.in_wave(moments[of_it], float(days), float(children))
    place = rows.column_names.index("counted")
    return rows.set_column(place, rows.schema.field(place), pa.array(counted))


def few(backend: Backend, tables: Tables, accounts: NDArray[np.int64]) -> Tables:
    """The tables with no contacts but those that these accounts began, and only their ties."""
    few = backend.load("wanted", pa.table({"wanted": pa.array(accounts, pa.int32())}))
    contacts, facts, ties = tables.contacts, tables.facts, tables.ties
    of_a = ties.semi_join(few, ties.a == few.wanted)
    other = few.select(other="wanted")
    of_b = ties.semi_join(other, ties.b == other.other)
    of_b = of_b.anti_join(few, of_b.a == few.wanted)
    return replace(
        tables,
        contacts=backend.materialise(
            "contacts_wanted", contacts.semi_join(few, contacts.u == few.wanted)
        ),
        facts=backend.materialise("facts_wanted", facts.semi_join(few, facts.u == few.wanted)),
        ties=backend.materialise("ties_wanted", of_a.union(of_b)),
    )


def named(rows: pa.Table, key: str, prepared: Prepared) -> pa.Table:
    """Evidence under the accounts' own ids."""
    ids = pa.array(prepared.ids)
    columns = {name: rows[name] for name in rows.column_names}
    for name in ("account", "target"):
        columns[name] = ids.take(rows[name].combine_chunks())
    columns["indicator"] = pa.repeat(pa.scalar(key), rows.num_rows)
    columns["at"] = rows["at"].cast(pa.int64()).cast(EVIDENCE.field("at").type)
    return pa.table(
        [pc.cast(columns[field.name], field.type) for field in EVIDENCE], schema=EVIDENCE
    )


def explanations(
    judged: Judged,
    prepared: Prepared,
    spec: ThresholdSpec,
    positions: NDArray[np.int64],
    rows: pa.Table,
) -> dict[int, Explanation]:
    """What is said about each of these accounts, by account id."""
    counted = rows.group_by(["account", "indicator"]).aggregate([([], "count_all")])
    behind = {(row["account"], row["indicator"]): row["count_all"] for row in counted.to_pylist()}
    result = {}
    combined = combine(judged.llr[:, :, positions], spec)
    for number, position in enumerate(positions.tolist()):
        stretch = int(judged.best[position])
        parts = combined.parts[stretch, :, number] * POINTS
        account = int(prepared.ids[judged.account[position]])
        contributions = [
            _contribution(
                judged,
                key,
                position,
                spec,
                float(parts[KEYS.index(key)]),
                behind.get((account, key), 0),
            )
            for key in judged.judgements
        ]
        contributions.sort(
            key=lambda c: (_ORDER[c.direction], -abs(c.points), KEYS.index(c.indicator))
        )
        result[account] = Explanation(
            account=account,
            points=float(judged.points[position]),
            flagged=bool(judged.flagged[position]),
            groups=int(judged.speaking[position]),
            minors=int(judged.minors[position]),
            stretch=stretch_name(spec.stretches, stretch),
            contributions=tuple(contributions),
        )
    return result


def _said(judgement: Judgement, stretch: int, row: int, assessed: bool) -> Said:
    between = judgement.range(stretch, row) if assessed else None
    return Said(
        k=float(judgement.k[stretch, row]),
        n=float(judgement.n[stretch, row]),
        expected=float(judgement.expected[stretch, row]),
        low=between[0] if between else None,
        high=between[1] if between else None,
        details={name: float(values[stretch, row]) for name, values in judgement.details.items()},
    )


def with_points(sentence: str, points: float) -> str:
    """The sentence and what it adds: "… +46 points."."""
    whole = round(points)
    if whole == 0:
        return f"{sentence} No points."
    return f"{sentence} {'+' if whole > 0 else '−'}{abs(whole)} points."


def _contribution(
    judged: Judged, key: str, position: int, spec: ThresholdSpec, points: float, rows: int
) -> Contribution:
    judgement = judged.judgements[key]
    stretch = int(judged.best[position])
    row = int(np.searchsorted(judgement.account, judged.account[position]))
    there = row < len(judgement.account) and judgement.account[row] == judged.account[position]
    llr = judged.llr[stretch, KEYS.index(key), position]
    said = _said(judgement, stretch, row, not np.isnan(llr)) if there else None
    common: dict[str, Any] = {
        "indicator": key,
        "name": NAMES[key],
        "group": GROUP_OF[key],
        "stretch": stretch_name(spec.stretches, stretch),
        "rows": rows,
    }
    if np.isnan(llr) or said is None:
        reason = REGISTRY[key].lacking(said, spec)
        return Contribution(
            **common,
            direction="not_assessed",
            points=0.0,
            llr=None,
            k=said.k if said else None,
            n=said.n if said else None,
            expected=None,
            low=None,
            high=None,
            sentence=f"Not enough evidence: {reason}.",
            reason=reason,
            details={},
        )
    whole = round(points)  # as it is shown: "0 for a closer look" would say nothing
    direction: Direction = "raises" if whole > 0 else "lowers" if whole < 0 else "neutral"
    return Contribution(
        **common,
        direction=direction,
        points=points,
        llr=float(llr),
        k=said.k,
        n=said.n,
        # Not every indicator compares with a mean: those leave it NaN, which JSON does not know.
        expected=None if np.isnan(said.expected) else said.expected,
        low=said.low,
        high=said.high,
        sentence=with_points(REGISTRY[key].sentence(said), points),
        reason="",
        details=dict(said.details),
    )
