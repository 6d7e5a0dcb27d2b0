"""A few accounts computed again, from the part of the graph that their values depend on.

The same code as a run over everything (``signals.engine.run``), against the priors that such a run
kept. Values of other accounts in the part are not to be used: their own surroundings are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr.types import Table
from numpy.typing import NDArray

from signals.engine import explain as explaining
from signals.engine.derive import derive
from signals.engine.judge import Judged
from signals.engine.kernels import STILL
from signals.engine.plan import CannotReplay, Plan, Recording, Replay
from signals.engine.prepare import Prepared, instant, prepare
from signals.engine.priors import Frozen, Stored
from signals.engine.result import Explanation
from signals.engine.run import assess
from signals.engine.tables import RawGraph
from signals.indicators.base import Tables
from signals.spec import ThresholdSpec


@dataclass(frozen=True)
class PartResult:
    """What was found about the accounts asked for; see ``signals.engine.result.EngineResult``.

    ``scores``: rank as it would have been in the run whose priors were used; no ring. ``plan``:
    what makes the next part quick, None where nothing can be written down.
    """

    scores: pa.Table
    evidence: pa.Table
    explanations: dict[int, Explanation]
    links: pa.Table
    plan: Plan | None


def recompute(
    graph: RawGraph,
    spec: ThresholdSpec,
    stored: Stored,
    accounts: Collection[int],
    *,
    as_of: datetime,
    explain: Collection[int] = (),
    plan: Plan | None = None,
) -> PartResult:
    """Compute ``accounts`` (ids), all of whose contacts' ties are in ``graph``.

    ``explain``: those to explain although they are not flagged. ``plan``: of an earlier part
    against the same priors and thresholds. What people decided counts up to now.
    """
    moment = instant(graph, as_of)
    prepared = prepare(graph, moment, decided=STILL)
    wanted = np.fromiter(accounts, np.int64, len(accounts))
    if plan is not None:
        try:
            found = _replayed(prepared, spec, stored, wanted, explain, plan)
        except CannotReplay:
            prepared = prepare(graph, moment, decided=STILL)
        else:
            return _finished(found, stored, plan)
    found, plan = _recorded(prepared, spec, stored, wanted, explain)
    return _finished(found, stored, plan)


@dataclass(frozen=True)
class _Found:
    judged: Judged
    links: pa.Table
    scores: pa.Table
    positions: NDArray[np.int64]
    evidence: pa.Table
    prepared: Prepared
    spec: ThresholdSpec
    wanted: NDArray[np.int64]


def _recorded(
    prepared: Prepared,
    spec: ThresholdSpec,
    stored: Stored,
    wanted: NDArray[np.int64],
    explain: Collection[int],
) -> tuple[_Found, Plan]:
    priors = Frozen(stored, prepared.ids)
    with Recording(prepared.as_of) as backend:
        derived = derive(backend, prepared, spec, lambda _stage: None, priors)
        tables = _Recorded(**vars(derived), backend=backend)
        judged, links, _checks, scores = assess(tables, prepared, spec, priors)
        positions = _to_explain(judged, prepared, wanted, explain)
        backend.begin("few")
        few = explaining.few(backend, tables, judged.account[positions])
        parts = []
        for key, asked in explaining.asked_of(judged, positions).items():
            backend.begin(f"rows of {key}")
            rows = backend.fetch(explaining.question(backend, few, key, asked))
            parts.append(explaining.named(rows, key, prepared))
        backend.plan.makers = tables.makers
        evidence = explaining.together(parts, judged, prepared)
    found = _Found(judged, links, scores, positions, evidence, prepared, spec, wanted)
    return found, backend.plan


def _replayed(
    prepared: Prepared,
    spec: ThresholdSpec,
    stored: Stored,
    wanted: NDArray[np.int64],
    explain: Collection[int],
    plan: Plan,
) -> _Found:
    priors = Frozen(stored, prepared.ids)
    with Replay(plan, prepared, spec, priors) as backend:
        backend.play("derive")
        backend.check()
        tables = backend.tables
        judged, links, _checks, scores = assess(tables, prepared, spec, priors)
        positions = _to_explain(judged, prepared, wanted, explain)
        parts = []
        if len(positions):
            numbers = pa.array(judged.account[positions], pa.int32())
            backend.give("wanted", pa.table({"wanted": numbers}))
            backend.play("few")
            for key, asked in explaining.asked_of(judged, positions).items():
                backend.give(f"wanted_{key}", asked)
                rows = backend.play(f"rows of {key}")
                parts.append(explaining.named(rows, key, prepared))
        evidence = explaining.together(parts, judged, prepared)
    return _Found(judged, links, scores, positions, evidence, prepared, spec, wanted)


def _to_explain(
    judged: Judged, prepared: Prepared, wanted: NDArray[np.int64], explain: Collection[int]
) -> NDArray[np.int64]:
    positions = explaining.wanted(judged, prepared, explain)
    return positions[np.isin(prepared.ids[judged.account[positions]], wanted)]


def _finished(found: _Found, stored: Stored, plan: Plan | None) -> PartResult:
    scores = found.scores
    scores = scores.filter(pc.is_in(scores["account"], value_set=pa.array(found.wanted)))
    rank = pa.array([stored.rank(points) for points in scores["points"].to_pylist()], pa.int64())
    scores = scores.set_column(scores.column_names.index("rank"), "rank", rank)
    nobody = pa.nulls(scores.num_rows, pa.int64())
    scores = scores.set_column(scores.column_names.index("ring"), "ring", nobody)
    explanations = explaining.explanations(
        found.judged, found.prepared, found.spec, found.positions, found.evidence
    )
    return PartResult(scores, found.evidence, explanations, found.links, plan)


@dataclass(frozen=True)
class _Recorded(Tables):
    """Tables whose questions are written down under their names."""

    backend: Any = None

    def answer(self, name: str, question: Callable[[], Table]) -> Mapping[str, NDArray[Any]]:
        self.backend.begin(name)
        try:
            return super().answer(name, question)
        finally:
            self.backend.begin("between")
