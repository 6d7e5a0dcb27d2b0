"""One community for the tests that only read it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from signals.simulate import Community, SimulationSettings, simulate
from signals.simulate.writing import write_community

Rows = list[dict[str, str]]


@pytest.fixture(scope="session")
def community() -> Community:
    """6,000 accounts with 1 % planted."""
    return simulate(SimulationSettings(accounts=6_000, seed=11, prevalence=0.01))


@pytest.fixture(scope="session")
def folder(community: Community, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its files."""
    path = tmp_path_factory.mktemp("community")
    write_community(community, path)
    return path


@pytest.fixture(scope="session")
def rows(folder: Path) -> Callable[[str], Rows]:
    """The rows of one of the files, by name."""
    read: dict[str, Rows] = {}

    def of(name: str) -> Rows:
        if name not in read:
            with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
                read[name] = list(csv.DictReader(file))
        return read[name]

    return of
