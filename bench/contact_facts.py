"""Contact facts on a real graph: our kernel beside networkx, a DuckDB join and GraphBLAS.

The graph is Pokec's regional subset (78,982 accounts; topology only). Its ties, made mutual, are
the ties; every directed tie is a contact; starts, ends and times of contact are drawn by a seed.
Every way starts from its own structure, ready in memory, and is timed on the counting alone; making
the structure is told beside it. What is counted is checked to be equal before it is told.

- ours: all facts as of the contact (friends in common, those not made by the account itself, both
  degrees, the first friend in common), with the times of the ties.
- DuckDB: friends in common as of the contact, by a join over half-ties, with times; nothing else.
- networkx: friends in common on a sample of the contacts, scaled up; without times, and with.
- GraphBLAS: friends in common by a masked product of matrices; it knows no times.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import duckdb
import networkx as nx
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from signals.engine.facts import DAY, build_index, contact_facts
from signals.engine.kernels import STILL
from signals.engine.machine import threads

Ints = NDArray[np.int64]

_SPAN: Final = 1_000 * DAY
_BEGIN: Final = 1_600_000_000_000_000  # µs
_REPEATS: Final = 9

_JOIN: Final = """
    SELECT c.place, count(*) AS m
    FROM contacts c
    JOIN half x ON x.owner = c.u AND x.since < c.t AND c.t < x.until
    JOIN half y ON y.owner = c.v AND y.other = x.other AND y.since < c.t AND c.t < y.until
    GROUP BY c.place
"""


@dataclass(frozen=True)
class Case:
    """Ties a–b from ``start`` to ``end`` and contacts u → v at ``t``; times in µs."""

    accounts: int
    a: Ints
    b: Ints
    start: Ints
    end: Ints
    u: Ints
    v: Ints
    t: Ints


def pokec_file() -> Path:
    """Where the graph lies, if it does: beside the other data, or in ``SIGHTLINE_SCHEMAS``."""
    folder = os.environ.get("SIGHTLINE_SCHEMAS")
    beside = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    return (Path(folder) if folder else beside) / "pokec_links.npz"


def read_case(path: Path, seed: int = 1) -> Case:
    """Every directed tie as a contact; a tenth of the ties ended, a tenth without a start."""
    chance = np.random.default_rng(seed)
    links = np.load(path)["edge_list"].astype(np.int64)
    links = links[links[:, 0] != links[:, 1]]
    accounts = int(links.max()) + 1
    pairs = np.unique(links.min(axis=1) * accounts + links.max(axis=1))
    since = _BEGIN + chance.integers(0, _SPAN, len(pairs))
    until = np.where(
        chance.random(len(pairs)) < 0.1, since + chance.integers(1, _SPAN, len(pairs)), STILL
    )
    since[chance.random(len(pairs)) < 0.1] = _BEGIN - _SPAN
    return Case(
        accounts=accounts,
        a=pairs // accounts,
        b=pairs % accounts,
        start=since,
        end=until,
        u=links[:, 0],
        v=links[:, 1],
        t=_BEGIN + chance.integers(0, _SPAN, len(links)),
    )


def measure(path: Path, sample: int = 40_000) -> dict[str, Any]:
    """Seconds of each way over all contacts, and how many times as long as ours it takes."""
    case = read_case(path)
    building, index = _timed(
        lambda: build_index(case.accounts, case.a, case.b, case.start, case.end)
    )
    contact_facts(index, case.u[:100], case.v[:100], case.t[:100])  # compiles
    product = _graphblas(case)
    (ours, facts), graphblas = _in_turn(
        lambda: contact_facts(index, case.u, case.v, case.t), product
    )
    chosen = _stretches_of(len(case.u), sample)
    found: dict[str, Any] = {
        "contacts": len(case.u),
        "ties": len(case.a),
        "threads": threads(),
        "building_the_index": building,
        "ours": ours,
        "contacts_a_second": len(case.u) / ours,
        "duckdb_join": _duckdb(case, facts.m),
        "networkx_sample": len(chosen),
        "networkx": _networkx(case, chosen),
        "networkx_with_times": _networkx_with_times(case, chosen, facts.m),
    }
    found |= _checked(case, graphblas)
    found["times_as_long"] = {
        name: found[name] / ours
        for name in ("networkx", "networkx_with_times", "duckdb_join", "graphblas")
        if found.get(name)
    }
    return found


def _stretches_of(count: int, sample: int) -> Ints:
    """Places of a sample in runs of a thousand: neighbours in the file, as in all of it."""
    starts = np.random.default_rng(2).permutation(max(count // 1000, 1))[: max(sample // 1000, 1)]
    places: Ints = (np.sort(starts)[:, None] * 1000 + np.arange(min(count, 1000))).ravel()
    return places


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _in_turn(*works: Callable[[], Any] | None) -> list[Any]:
    """The median of several goes of each, one after the other.

    A machine that is now quicker, now slower is then so for both.
    """
    goes = [[_timed(work) if work else None for work in works] for _ in range(_REPEATS)]
    return [
        (statistics.median(seconds for seconds, _ in own), own[-1][1]) if own[0] else None
        for own in zip(*goes, strict=True)
    ]


def _same(ours: NDArray[Any], theirs: NDArray[Any], name: str) -> None:
    if not np.array_equal(ours, theirs):
        raise RuntimeError(f"{name} counts other friends in common than the kernel does.")


def _duckdb(case: Case, m: NDArray[Any]) -> float:
    connection = duckdb.connect(config={"threads": threads()})
    connection.execute("SET enable_progress_bar = false")
    half = pa.table(
        {
            "owner": np.concatenate([case.a, case.b]).astype(np.int32),
            "other": np.concatenate([case.b, case.a]).astype(np.int32),
            "since": np.tile(case.start, 2),
            "until": np.tile(case.end, 2),
        }
    )
    contacts = pa.table(
        {
            "place": np.arange(len(case.u), dtype=np.int32),
            "u": case.u.astype(np.int32),
            "v": case.v.astype(np.int32),
            "t": case.t,
        }
    )
    for name, table in (("half", half), ("contacts", contacts)):
        connection.register("given", table)
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")  # noqa: S608 - two names of ours
        connection.unregister("given")
    seconds, found = _timed(lambda: connection.sql(_JOIN).to_arrow_table())
    counted = np.zeros(len(case.u), np.int64)
    counted[found["place"].to_numpy()] = found["m"].to_numpy()
    _same(m, counted, "DuckDB")
    return seconds


def _networkx(case: Case, chosen: Ints) -> float:
    graph = nx.Graph()
    graph.add_edges_from(zip(case.a.tolist(), case.b.tolist(), strict=True))
    pairs = list(zip(case.u[chosen].tolist(), case.v[chosen].tolist(), strict=True))
    seconds, _ = _timed(lambda: [len(nx.common_neighbors(graph, u, v)) for u, v in pairs])
    return seconds * len(case.u) / len(pairs)


def _networkx_with_times(case: Case, chosen: Ints, m: NDArray[Any]) -> float:
    graph = nx.Graph()
    times = zip(case.start.tolist(), case.end.tolist(), strict=True)
    graph.add_edges_from(
        (a, b, {"time": time_})
        for a, b, time_ in zip(case.a.tolist(), case.b.tolist(), times, strict=True)
    )
    asked = list(
        zip(*(column[chosen].tolist() for column in (case.u, case.v, case.t)), strict=True)
    )

    def stands(x: int, w: int, t: int) -> bool:
        start, end = graph[x][w]["time"]
        return bool(start < t < end)

    def count(u: int, v: int, t: int) -> int:
        return sum(stands(u, w, t) and stands(v, w, t) for w in nx.common_neighbors(graph, u, v))

    seconds, found = _timed(lambda: [count(u, v, t) for u, v, t in asked])
    _same(m[chosen], np.array(found), "networkx")
    return seconds * len(case.u) / len(asked)


def _graphblas(case: Case) -> Callable[[], Any] | None:
    """The masked product, ready to be counted; None where GraphBLAS is not installed."""
    try:
        import graphblas as gb
    except ImportError:
        return None
    gb.ss.config["nthreads"] = threads()
    size = case.accounts
    rows, columns = np.concatenate([case.a, case.b]), np.concatenate([case.b, case.a])
    ties = gb.Matrix.from_coo(rows, columns, 1, nrows=size, ncols=size, dtype=gb.dtypes.INT32)
    asked = gb.Matrix.from_coo(case.u, case.v, 1, nrows=size, ncols=size, dtype=gb.dtypes.INT32)
    plus_pair = gb.semiring.plus_pair

    def product() -> Any:
        return plus_pair(ties @ ties).new(gb.dtypes.INT32, mask=asked.S)

    product()  # the first call prepares the operator
    return product


def _checked(case: Case, graphblas: tuple[float, Any] | None) -> dict[str, Any]:
    if graphblas is None:
        return {"graphblas": None}
    seconds, found = graphblas
    u, v, m = found.to_coo()
    without_times = build_index(case.accounts, case.a, case.b)
    _same(contact_facts(without_times, u, v, np.zeros(len(u), np.int64)).m, m, "GraphBLAS")
    return {"graphblas": seconds, "graphblas_version": version("python-graphblas")}
