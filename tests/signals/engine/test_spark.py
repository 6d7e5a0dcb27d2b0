"""Spark and DuckDB give the same values for all fifteen indicators."""

from __future__ import annotations

import builtins
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from signals.engine import spark
from signals.engine.result import EngineResult
from signals.engine.run import run
from signals.engine.tables import LABELS, RawGraph
from signals.simulate import SimulationSettings, simulate
from signals.simulate.raw import to_raw_graph
from signals.spec import KEYS, ThresholdSpec
from tests.signals.engine.graphs import random_graph

# Queries over a few rows: planning them costs more than running them.
SMALL = {
    "spark.master": "local[2]",
    "spark.default.parallelism": "1",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.autoBroadcastJoinThreshold": "-1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    """A small Spark application in this process, which the engine joins."""
    sql = pytest.importorskip("pyspark.sql", reason="no pyspark: make setup-spark installs it")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("Spark needs Java 17 or 21, and there is none")
    builder = sql.SparkSession.builder
    for name, value in (spark.APPLICATION | spark.ON_THIS_MACHINE | SMALL).items():
        builder = builder.config(name, value)
    made = builder.getOrCreate()
    yield made
    made.stop()


def community() -> RawGraph:
    """A simulated community; some of its accounts have been decided about before."""
    graph = to_raw_graph(simulate(SimulationSettings(accounts=800, prevalence=0.02, seed=7)))
    decided = [
        {
            "account": account,
            "decided_at": datetime(2026, 6, 1, tzinfo=UTC),
            "outcome": "confirmed" if account % 3 else "dismissed",
            "reason": None,
        }
        for account in range(1, 800, 25)
    ]
    return replace(graph, labels=pa.Table.from_pylist(decided, schema=LABELS))


def no_ages_one_instant() -> RawGraph:
    """Follows only, one hub followed by everyone, no known age, all at the same time."""
    count = 30
    now = datetime(2026, 3, 1, tzinfo=UTC)
    rows = [
        {"id": actor, "type": "Follow", "actor": actor, "object": 1, "published": now}
        for actor in range(2, count)
    ]
    return RawGraph(
        accounts=pa.table({"id": np.arange(1, count)}), events=pa.Table.from_pylist(rows)
    )


GRAPHS: dict[str, Callable[[], RawGraph]] = {
    "community": community,
    "every kind of row": lambda: random_graph(3, accounts=30, ties=150, events=1000),
    "no ages, one instant": no_ages_one_instant,
}


def compare(one: EngineResult, other: EngineResult) -> None:
    """Every table, to 1e-9. Only rows of facts and evidence, which are in no order, may move."""
    assert one.counts == other.counts
    for name in ("scores", "links", "age_checks"):
        close(getattr(one, name), getattr(other, name), name)
    close(one.facts.sort_by("event"), other.facts.sort_by("event"), "facts")
    every = [(column, "ascending") for column in one.evidence.column_names]
    close(one.evidence.sort_by(every), other.evidence.sort_by(every), "evidence")
    assert one.explanations.keys() == other.explanations.keys()
    for account, said in one.explanations.items():
        assert [part.sentence for part in said.contributions] == [
            part.sentence for part in other.explanations[account].contributions
        ]


def close(one: pa.Table, other: pa.Table, what: str) -> None:
    assert one.schema == other.schema
    assert one.num_rows == other.num_rows, what
    for name in one.column_names:
        if pa.types.is_floating(one.schema.field(name).type):
            left, right = (x[name].fill_null(np.nan).to_numpy() for x in (one, other))
            np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9, err_msg=f"{what} {name}")
        else:
            assert one[name].equals(other[name]), f"{what} {name}"


def test_both_engines_say_the_same(session: Any) -> None:
    # One test over all graphs: Spark starts once, whichever process runs it.
    assessed: set[str] = set()
    for name, make in GRAPHS.items():
        graph = make()
        expected = run(graph, ThresholdSpec())
        found = run(graph, ThresholdSpec(), engine="spark")
        try:
            compare(expected, found)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
        scores = expected.scores
        assessed |= {key for key in KEYS if scores[f"{key}_llr"].null_count < scores.num_rows}
    assert assessed == set(KEYS)


def test_without_pyspark_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name.partition(".")[0] == "pyspark":
            raise ModuleNotFoundError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(spark.SparkMissing, match=r"install requirements-spark\.txt"):
        run(RawGraph(accounts=pa.table({"id": [1]})), ThresholdSpec(), engine="spark")


def test_without_java_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("pyspark", reason="no pyspark: make setup-spark installs it")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(spark.SparkMissing, match="needs Java 17 or 21"):
        spark.start()
