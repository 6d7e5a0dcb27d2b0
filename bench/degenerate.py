"""Graphs that no platform has, and that must finish all the same: seconds and memory of each.

``python -m bench.degenerate [NAME …] [--size N]``: ``one_actor`` (N events of one account to ten
thousand others), ``hub`` (one account that all of N others follow and ask, and it half of them),
``one_instant`` (N events at the same microsecond), ``follows_only`` (N follows, nobody's age known,
no outcomes). Through the engine, without a database; each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.memory import peak
from signals.engine.run import run
from signals.engine.tables import TIME, RawGraph
from signals.spec import ThresholdSpec

Ints = NDArray[np.int64]

_BEGIN: Final = 1_700_000_000_000_000  # µs
_SPAN: Final = 1_000 * 86_400_000_000


def _accounts(count: int, with_ages: bool = True) -> pa.Table:
    chance = np.random.default_rng(1)
    years = pa.array(chance.integers(1960, 2018, count).astype(np.int16))
    return pa.table(
        {
            "id": np.arange(count),
            "birth_year": years if with_ages else pa.nulls(count, pa.int16()),
            "created_at": pa.array(np.full(count, _BEGIN)).cast(TIME),
        }
    )


def _events(types: list[str], actor: Ints, target: Ints, published: Ints) -> pa.Table:
    kinds = np.random.default_rng(2).integers(0, len(types), len(actor))
    return pa.table(
        {
            "id": np.arange(len(actor)),
            "type": pa.array(types).take(pa.array(kinds)),
            "actor": actor,
            "object": target,
            "published": pa.array(published).cast(TIME),
        }
    )


def _times(count: int) -> Ints:
    return _BEGIN + np.random.default_rng(3).integers(0, _SPAN, count)


def one_actor(size: int) -> RawGraph:
    """One account does everything, to ten thousand others."""
    target = 1 + np.random.default_rng(4).integers(0, 10_000, size)
    kinds = ["Offer", "Create", "Follow", "Block", "Remove"]
    return RawGraph(
        accounts=_accounts(10_001),
        events=_events(kinds, np.zeros(size, np.int64), target, _times(size)),
    )


def hub(size: int) -> RawGraph:
    """Everybody follows one account and is its friend; it asks every second one."""
    others = np.arange(1, size)
    both = np.tile(others, 2)
    ties = pa.table(
        {
            "id": np.arange(len(both)),
            "a": both,
            "b": np.zeros(len(both), np.int64),
            "kind": pa.array(["follow", "friend"]).take(pa.array(np.repeat([0, 1], len(others)))),
            "since": pa.array(_times(len(both))).cast(TIME),
        }
    )
    asked = others[::2]
    actor = np.concatenate([others, np.zeros(len(asked), np.int64)])
    target = np.concatenate([np.zeros(len(others), np.int64), asked])
    return RawGraph(
        accounts=_accounts(size),
        ties=ties,
        events=_events(["Offer", "Create"], actor, target, _times(len(actor))),
    )


def one_instant(size: int) -> RawGraph:
    """Everything at once."""
    people = max(size // 10, 2)
    chance = np.random.default_rng(5)
    actor = chance.integers(0, people, size)
    target = (actor + chance.integers(1, people, size)) % people
    kinds = ["Offer", "Create", "Follow", "Block", "Flag"]
    return RawGraph(
        accounts=_accounts(people),
        events=_events(kinds, actor, target, np.full(size, _BEGIN)),
    )


def follows_only(size: int) -> RawGraph:
    """Follows among people of unknown age, never answered."""
    people = max(size // 10, 2)
    chance = np.random.default_rng(6)
    actor = chance.integers(0, people, size)
    target = (actor + chance.integers(1, people, size)) % people
    return RawGraph(
        accounts=_accounts(people, with_ages=False),
        events=_events(["Follow"], actor, target, _times(size)),
    )


GRAPHS: Final[dict[str, tuple[Callable[[int], RawGraph], int]]] = {
    "one_actor": (one_actor, 10_000_000),
    "hub": (hub, 1_000_000),
    "one_instant": (one_instant, 1_000_000),
    "follows_only": (follows_only, 1_000_000),
}


def measure(name: str, size: int) -> dict[str, Any]:
    """Seconds, memory and counts of a run over one of the graphs, in this process."""
    graph = GRAPHS[name][0](size)
    start = time.perf_counter()
    result = run(graph, ThresholdSpec(), keep=False)
    return {
        "size": size,
        "seconds": round(time.perf_counter() - start, 1),
        "peak_bytes": peak(),
        **result.counts,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.degenerate", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(GRAPHS))
    parser.add_argument("--size", type=int, help="default: 10 million events of one actor, …")
    parser.add_argument("--here", action="store_true", help="in this process")
    options = parser.parse_args()
    for name in options.names or GRAPHS:
        size = options.size or GRAPHS[name][1]
        if options.here:
            print(json.dumps({name: measure(name, size)}))
            continue
        command = [sys.executable, "-m", "bench.degenerate", name, "--size", str(size), "--here"]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
