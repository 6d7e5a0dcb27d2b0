"""One run of the engine: raw graph in, scores and explanations out."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from signals.engine import explain as explaining
from signals.engine import routes
from signals.engine.canonical import CONTACT_KINDS
from signals.engine.cohorts import Cohorts
from signals.engine.derive import activity, child_share, derive, threads_recorded
from signals.engine.duckdb import DuckDB
from signals.engine.frozen import FrozenCohorts
from signals.engine.judge import Judged, judge_all
from signals.engine.kernels import ALWAYS, STILL
from signals.engine.prepare import BANDS, Prepared, instant, prepare
from signals.engine.priors import Priors, Recorder
from signals.engine.result import (
    FACTS,
    EngineResult,
    scores_schema,
    stretch_name,
)
from signals.engine.sample import Sample
from signals.engine.tables import RawGraph
from signals.indicators.age_mismatch import child_like
from signals.indicators.base import Tables
from signals.scoring import POINTS
from signals.spec import KEYS, ThresholdSpec

# called with the stage ("load", "contact_facts", "indicators", "scores", "evidence") that has begun
# and the share of the whole run that is done, 0 to 1; what it raises ends the run
Progress = Callable[[str, float], None]
STAGES = {"load": 0.0, "contact_facts": 0.3, "indicators": 0.55, "scores": 0.9, "evidence": 0.95}


class _Clock:
    """Seconds by stage, and the caller's progress."""

    def __init__(self, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress
        self._stage = ""
        self._since = self._began = time.perf_counter()

    def begin(self, stage: str) -> None:
        """A stage begins; the one before ends."""
        now = time.perf_counter()
        if self._stage:
            self.seconds[self._stage] = now - self._since
        self._stage, self._since = stage, now
        if self._progress:
            self._progress(stage, STAGES.get(stage, 1.0))

    def end(self) -> None:
        """The last stage ends."""
        self.begin("done")
        self.seconds["total"] = time.perf_counter() - self._began


def _backend(name: str) -> AbstractContextManager[Any]:
    if name == "duckdb":
        return DuckDB()
    if name == "spark":
        from signals.engine.spark import Spark

        return Spark()
    raise ValueError(f"unknown engine {name!r}: duckdb and spark are two")


def run(
    graph: RawGraph,
    spec: ThresholdSpec,
    *,
    as_of: datetime | None = None,
    now: datetime | None = None,
    engine: str = "duckdb",
    progress: Progress | None = None,
    explain: Collection[int] | None = None,
    sample: Sample | None = None,
    priors: Priors | None = None,
    keep: bool = True,
    ratios: bool = False,
) -> EngineResult:
    """Compute every account's score from what the graph held strictly before ``as_of``.

    Without ``as_of`` everything is used, and the stretches end with the last event; with ``now``
    (an aware time), what claims to be later is left out (``prepare.instant``).
    ``explain`` names accounts to explain although they are not flagged; ``sample`` draws some of
    those that are not. With ``priors`` what the
    comparison rests on is kept (``Recorder``), or that of an earlier run is used (``Frozen``).
    Without ``keep`` the graph is empty of ties and events afterwards, and less memory is needed.
    ``ratios`` asks for those of every indicator in every stretch.
    Raises ValueError for an ``as_of`` without a time zone or an unknown engine.
    """
    clock = _Clock(progress)
    priors = priors or Priors()
    clock.begin("load")
    moment = instant(graph, as_of, now)
    with _backend(engine) as backend:
        prepared = prepare(graph, moment, keep=keep, decided=None if as_of else STILL)
        following = {"load": "contact_facts", "contact_facts": "indicators"}
        tables = derive(
            backend, prepared, spec, lambda stage: clock.begin(following[stage]), priors
        )
        judged, linked, checks, scores = assess(
            tables, prepared, spec, priors, lambda: clock.begin("scores")
        )
        clock.begin("evidence")
        wanted = explaining.wanted(judged, prepared, explain, sample)
        evidence = explaining.evidence(backend, tables, judged, prepared, wanted)
        explanations = explaining.explanations(judged, prepared, spec, wanted, evidence)
        facts = _facts(backend.last("facts"), prepared)
        if isinstance(priors, Recorder):
            priors.finish(prepared.ids, moment, scores["points"].to_numpy())
    clock.end()
    return EngineResult(
        as_of=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment),
        spec=spec,
        scores=scores,
        evidence=evidence,
        explanations=explanations,
        facts=facts,
        links=linked,
        age_checks=checks,
        counts={
            "accounts": prepared.count,
            "contacts": facts.num_rows,
            "assessed": scores.num_rows,
            "flagged": int(judged.flagged.sum()),
            "refused_rows": prepared.refused_rows,
        },
        seconds=clock.seconds,
        ratios=judged.llr if ratios else None,
    )


def assess(
    tables: Tables,
    prepared: Prepared,
    spec: ThresholdSpec,
    priors: Priors,
    judged_all: Callable[[], None] = lambda: None,
) -> tuple[Judged, pa.Table, pa.Table, pa.Table]:
    """Everybody's judgements, and as tables: linked accounts, age checks, scores."""
    active = activity(tables, prepared.count)
    share = priors.fixed("child_share", lambda: child_share(tables))
    threads = priors.fixed("threads_recorded", lambda: threads_recorded(tables))
    cohorts = (FrozenCohorts if priors.frozen else Cohorts).build(
        prepared.band,
        prepared.tenure,
        active,
        prepared.offender,
        share,
        child_like(tables, prepared.count),
        spec,
        priors,
        bool(threads),
    )
    judged = judge_all(tables, cohorts, prepared, spec)
    judged_all()
    linked = routes.links(tables, prepared, spec)
    checks = routes.age_checks(judged, prepared)
    ring = routes.rings(linked, judged, prepared)
    return judged, linked, checks, _scores(judged, prepared, spec, ring, checks)


def _scores(
    judged: Judged,
    prepared: Prepared,
    spec: ThresholdSpec,
    ring: NDArray[np.int64],
    checks: pa.Table,
) -> pa.Table:
    """Best rank first; equal ranks in the order of ids, which decides nothing."""
    order = np.lexsort((judged.account, judged.rank))
    account = judged.account[order]
    band = prepared.band[account]
    columns: dict[str, Any] = {
        "account": prepared.ids[account],
        "points": judged.points[order],
        "rank": judged.rank[order],
        "flagged": judged.flagged[order],
        "groups": judged.speaking[order],
        "minors": judged.minors[order],
        "stretch": pa.array(
            [stretch_name(spec.stretches, place) for place in range(len(spec.stretches))]
        ).take(pa.array(judged.best[order])),
        "llr": judged.points[order] / POINTS,
        "points_without_private_fast": judged.points_without[order],
        "age_check": np.isin(prepared.ids[account], checks["account"].to_numpy()),
        "recorded_minor": band < BANDS.index("18_plus"),
        "exempt": prepared.exempt[account],
        "ring": pa.array(ring[order], mask=ring[order] == 0),
    }
    for key in KEYS:
        llr = judged.best_llr(key)[order]
        columns[f"{key}_llr"] = pa.array(llr, mask=np.isnan(llr))
        for name in ("k", "n"):
            values = judged.best_of(key, name)[order]
            columns[f"{key}_{name}"] = pa.array(values, mask=np.isnan(values))
    return pa.table(columns, schema=scores_schema())


def _facts(pieces: Iterator[pa.RecordBatch], prepared: Prepared) -> pa.Table:
    """Facts under the accounts' own ids."""
    # all of them at once would stand in memory twice
    return pa.Table.from_batches((_named(piece, prepared) for piece in pieces), FACTS)


def _named(raw: pa.RecordBatch, prepared: Prepared) -> pa.RecordBatch:
    first = raw["first_mutual"].to_numpy()
    time_type = FACTS.field("at").type
    kinds = pa.array(CONTACT_KINDS)
    return pa.record_batch(
        {
            "event": raw["event"],
            "u": prepared.ids[raw["u"].to_numpy()],
            "v": prepared.ids[raw["v"].to_numpy()],
            "at": raw["t"].cast(pa.int64()).cast(time_type),
            "kind": kinds.take(raw["kind"].cast(pa.int32())),
            **{name: raw[name] for name in ("m", "m_star", "m_final", "deg_u", "deg_v")},
            "first_mutual": pa.array(first, mask=(first == STILL) | (first == ALWAYS)).cast(
                time_type
            ),
        },
        schema=FACTS,
    )
