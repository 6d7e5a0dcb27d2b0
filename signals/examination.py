"""Examine the engine on synthetic communities: simulate, compute, compare with the truth. Pure.

The people who wrote the indicators wrote the generator too, so what this finds is an upper bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from signals.engine.run import run
from signals.engine.tables import RawGraph
from signals.evaluate import align, evaluate, first_flagged
from signals.scoring import POINTS, combine
from signals.simulate import Community, SimulationSettings, simulate
from signals.simulate.raw import to_raw_graph
from signals.simulate.strategies import FIRST_OFFENDER, KINDS
from signals.spec import KEYS, ThresholdSpec
from signals.truth import Truth

Say = Callable[[str], None]
ADULT = 18.0


def truth_of(community: Community) -> Truth:
    """What is true about each account, as ``truth.csv`` says it."""
    kind = community.records.truth_kind
    return Truth(
        account_id=pa.array(community.records.account_id.tolist(), pa.string()),
        label=kind >= FIRST_OFFENDER,
        strategy=np.array(KINDS)[kind],
    )


def groups_of(community: Community) -> pa.Table:
    """Region, gender and true age band of each account, for rates by group."""
    people, records = community.people, community.records
    everyone = np.arange(people.size, dtype=np.int32)
    age = people.age_at(everyone, np.full(people.size, people.settings.end_seconds))
    bounds = [13, 16, 18, 25, 40]
    names = ["under_13", "13_15", "16_17", "18_24", "25_39", "40_plus"]
    return pa.table(
        {
            "account_id": records.account_id.tolist(),
            "region": records.region.tolist(),
            "gender": records.gender.tolist(),
            "age_band": np.array(names)[np.digitize(age, bounds)].tolist(),
        }
    )


def first_child_contacts(community: Community) -> dict[str, datetime]:
    """When each planted account first turned to a child (true age), in its ordinary life or not."""
    people, events = community.people, community.events
    made = events.of_type("Offer") | events.of_type("Follow") | events.of_type("Create")
    rows = np.flatnonzero(made & (people.kind[events.actor] >= FIRST_OFFENDER))
    rows = rows[people.age_at(events.obj[rows], events.time[rows]) < ADULT]
    actor, first = np.unique(events.actor[rows], return_index=True)
    names = community.records.account_id[actor].tolist()
    moments = events.time[rows[first]].tolist()
    return {
        name: datetime.fromtimestamp(moment, UTC)
        for name, moment in zip(names, moments, strict=True)
    }


def examine(
    settings: SimulationSettings,
    spec: ThresholdSpec,
    *,
    engine: str = "duckdb",
    ks: Sequence[int] = (50, 100, 200),
    ablation: bool = True,
    replays: int = 12,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """The report of ``evaluate`` on one community.

    ``ablation``: the score without each indicator, added up again over all stretches. What one
    indicator takes from another stays (``persists`` knows linked accounts). Without
    ``private_fast`` the engine also runs anew, for the flags.
    ``replays`` evenly spread dates find when each account would first have been flagged (0: none).
    """
    community = simulate(settings)
    graph = to_raw_graph(community)
    truth = truth_of(community)
    say(f"seed {settings.seed}: {len(community.events):,} events")
    result = run(graph, spec, engine=engine, ratios=ablation)
    scores = _scores(result.scores, community)
    say(f"seed {settings.seed}: computed")
    without: dict[str, NDArray[np.float64]] = {}
    flagged_without: NDArray[np.bool_] | None = None
    if result.ratios is not None:
        without = _ablated(result.ratios, result.scores, spec, truth.size)
        off = spec.with_indicator("private_fast", enabled=False)
        found = _scores(run(graph, off, engine=engine).scores, community)
        flagged_without = align(found, truth).flagged
        say(f"seed {settings.seed}: computed without private_fast")
    cases = None
    if replays:
        moments = _moments(settings, replays)
        cases = first_flagged((at, _as_of(graph, spec, engine, at, community)) for at in moments)
    return evaluate(
        scores,
        truth,
        ks=ks,
        groups=groups_of(community),
        first_contacts=first_child_contacts(community),
        cases=cases,
        ablation=without,
        flagged_without=flagged_without,
    )


def _ablated(
    ratios: NDArray[np.float64], scores: pa.Table, spec: ThresholdSpec, accounts: int
) -> dict[str, NDArray[np.float64]]:
    """Points by account of the community without each indicator, -inf where nothing is assessed."""
    rows = np.sort(scores.column("account").to_numpy()) - 1
    result = {}
    for key in KEYS:
        total = combine(ratios, spec, leave_out=(key,)).llr
        points = np.full(accounts, -np.inf)
        points[rows] = POINTS * np.where(np.isnan(total), -np.inf, total).max(axis=0)
        result[key] = points
    return result


def _moments(settings: SimulationSettings, replays: int) -> list[datetime]:
    start, end = settings.start_seconds, settings.end_seconds
    return [
        datetime.fromtimestamp(start + (end - start) * number // replays, UTC)
        for number in range(1, replays + 1)
    ]


def _as_of(
    graph: RawGraph, spec: ThresholdSpec, engine: str, moment: datetime, community: Community
) -> pa.Table:
    return _scores(run(graph, spec, as_of=moment, engine=engine).scores, community)


def _scores(scores: pa.Table, community: Community) -> pa.Table:
    """Scores under the names of the files: account i of the raw graph is row i of the records."""
    rows = scores.column("account").to_numpy() - 1
    names = community.records.account_id[rows].tolist()
    return scores.append_column("account_id", pa.array(names, pa.string()))
