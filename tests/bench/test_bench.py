"""What `make bench` tells: equal counts before times, ratios against what was asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import contact_facts, degenerate
from bench.__main__ import growth
from bench.report import ratios


@pytest.fixture
def links(tmp_path: Path) -> Path:
    """A small graph in Pokec's form, with a tie of an account with itself."""
    chance = np.random.default_rng(3)
    pairs = np.unique(chance.integers(0, 120, (2_000, 2)), axis=0)
    path = tmp_path / "links.npz"
    np.savez(path, edge_list=pairs.astype(np.int32))
    return path


def test_every_way_of_counting_is_measured_and_agrees(links: Path) -> None:
    found = contact_facts.measure(links, sample=1_000)
    case = contact_facts.read_case(links)
    assert found["contacts"] == len(case.u) > 1_000
    assert {"networkx", "networkx_with_times", "duckdb_join"} <= found["times_as_long"].keys()


def test_other_counts_are_not_timed(links: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    always = contact_facts._JOIN.replace("x.since < c.t AND c.t < x.until", "true")
    monkeypatch.setattr(contact_facts, "_JOIN", always)
    with pytest.raises(RuntimeError, match="DuckDB counts other friends"):
        contact_facts.measure(links, sample=1_000)


def test_growth_is_told_against_linear() -> None:
    runs = {
        "1000": {"seconds": {"total": 2.0}},
        "10000": {"seconds": {"total": 25.0}},
    }
    assert growth(runs) == {"from": 1000, "to": 10_000, "against_linear": 1.25}
    assert growth({"1000": runs["1000"]}) is None


def test_what_falls_short_is_marked() -> None:
    lines = ratios(
        {
            "contact_facts": {"times_as_long": {"networkx": 30.0, "duckdb_join": 5.9}},
            "growth": {"from": 1000, "to": 10_000, "against_linear": 1.25},
        }
    )
    assert [line.met for line in lines] == [True, False, False]


@pytest.mark.parametrize("name", degenerate.GRAPHS)
def test_graphs_that_no_platform_has_end_well(name: str) -> None:
    found = degenerate.measure(name, 2_000)
    assert found["accounts"] > 0
    assert found["refused_rows"] == 0
    if name == "follows_only":
        assert found["assessed"] == 0  # nobody's age is known: not enough evidence
