"""Contact facts by joins equal those of the compiled kernel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from signals.engine import facts as kernel
from signals.engine import joins
from signals.engine.duckdb import DuckDB
from signals.engine.prepare import DAY
from signals.engine.tally import tally
from signals.engine.windows import busiest

STRETCHES = 3


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDB]:
    with DuckDB() as made:
        yield made


def random_ties(rng: np.random.Generator, accounts: int, count: int) -> dict[str, np.ndarray]:
    """Parallel, touching, ended and never standing ties; many of the times are unknown."""
    a = rng.integers(0, accounts, count)
    b = (a + rng.integers(1, accounts, count)) % accounts
    start, end = rng.integers(0, 12, count), rng.integers(0, 14, count)
    by, init = rng.integers(0, 3, count), rng.integers(0, 12, count)
    return {
        "a": a.astype(np.int32),
        "b": b.astype(np.int32),
        "start": np.where(rng.random(count) < 0.3, kernel.ALWAYS, start),
        "end": np.where(rng.random(count) < 0.5, kernel.STILL, end),
        "init_a": np.where(by == 1, init, kernel.NEVER),
        "init_b": np.where(by == 2, init, kernel.NEVER),
    }


@pytest.mark.parametrize("seed", range(12))
def test_joins_equal_the_kernel(engine: DuckDB, seed: int) -> None:
    rng = np.random.default_rng(seed)
    accounts = int(rng.integers(3, 12))
    rows = random_ties(rng, accounts, int(rng.integers(1, 60)) if seed else 0)
    index = kernel.build_index(accounts, *rows.values())
    ties = engine.load(f"ties_{seed}", pa.table(rows))

    u = rng.integers(0, accounts, 40)
    v = (u + rng.integers(1, accounts, 40)) % accounts
    t = rng.integers(0, 14, 40)
    ends = {"u": u.astype(np.int32), "v": v.astype(np.int32)}
    first = engine.load(f"first_{seed}", pa.table({"event": np.arange(40), **ends, "t": t}))
    found = engine.fetch(joins.contact_facts(ties, first, as_of=9, organic=4)).sort_by("event")
    expected = kernel.contact_facts(index, u, v, t, as_of=9, organic=4)
    assert {name: found[name].to_pylist() for name in vars(expected)} == {
        name: values.tolist() for name, values in vars(expected).items()
    }

    once = np.unique(u * accounts + v, return_index=True)[1]
    stretch = rng.integers(0, STRETCHES, len(once)).astype(np.int8)
    chosen = {name: values[once] for name, values in ends.items()}
    contacts = pa.table({"event": np.arange(len(once)), **chosen, "stretch": stretch})
    asked = joins.circle(ties, engine.load(f"contacts_{seed}", contacts), STRETCHES)
    known = engine.fetch(asked).sort_by("event")
    peers = kernel.circle(index, chosen["u"], chosen["v"], stretch, STRETCHES)
    assert [known[f"peers_{place}"].to_pylist() for place in range(STRETCHES)] == peers.tolist()

    numbers = rng.integers(0, 1000, (accounts, 2))
    members = np.arange(accounts, dtype=np.int32)
    values = pa.table({"account": members, "x": numbers[:, 0], "y": numbers[:, 1]})
    loaded = engine.load(f"values_{seed}", values)
    for organic in (False, True):
        sums = engine.fetch(joins.neighbour_sums(ties, loaded, 9, organic)).sort_by("account")
        around = kernel.neighbour_sums(index, numbers, 9, organic)
        assert [sums["x"].to_pylist(), sums["y"].to_pylist()] == around.T.tolist()


@pytest.mark.parametrize("count", [0, 1, 300])
def test_the_tally_equals_the_expression(engine: DuckDB, count: int) -> None:
    rng = np.random.default_rng(count)
    rows = {
        "account": rng.integers(0, 40, count).astype(np.int32),
        "stretch": rng.integers(0, STRETCHES, count).astype(np.int8),
        "yes": rng.integers(0, 2, count).astype(np.int8),
        "much": rng.integers(-(2**40), 2**40, count),
    }
    asked = engine.load(f"tallied_{count}", pa.table(rows))
    expected = engine.fetch(joins.tally(asked, STRETCHES)).sort_by("account")
    reader = engine.fetch(asked).to_reader(max_chunksize=70)
    assert tally(reader, 50, STRETCHES).to_pydict() == expected.to_pydict()


@pytest.mark.parametrize("count", [0, 1, 60, 400])
def test_the_busiest_windows_equal_the_expression(engine: DuckDB, count: int) -> None:
    rng = np.random.default_rng(count)
    t = rng.integers(0, 60, count)
    rows = {
        "account": rng.integers(0, 20, count).astype(np.int32),
        "t": t * (DAY // 2),
        "child": rng.integers(0, 2, count).astype(np.int8),
        "stretch": ((59 - t) // 20).astype(np.int8),
    }
    asked = engine.load(f"windows_{count}", pa.table(rows))
    expected = engine.fetch(joins.busiest(asked, (1, 7, 14), STRETCHES)).sort_by("account")
    ordered = engine.fetch(asked.order_by(["account", "t"]))
    assert busiest(ordered, (1, 7, 14), STRETCHES).to_pydict() == expected.to_pydict()
