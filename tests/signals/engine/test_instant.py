"""When a run ends: the last event, not a wrong clock and not a decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from signals.engine.prepare import instant
from signals.engine.run import run
from signals.engine.tables import EVENTS, LABELS, TIME, RawGraph
from signals.spec import ThresholdSpec
from tests.signals.engine.graphs import random_graph

FAR = datetime(2099, 1, 1, tzinfo=UTC)


def last_event(graph: RawGraph) -> datetime:
    found: datetime = max(row["published"] for row in graph.events.to_pylist())
    return found


def with_event_at(graph: RawGraph, moment: datetime) -> RawGraph:
    row = next(row for row in graph.events.to_pylist() if row["object"] is not None)
    later = {**row, "id": 10**9, "published": moment}
    return replace(
        graph,
        events=pa.concat_tables([graph.events, pa.Table.from_pylist([later], schema=EVENTS)]),
    )


def test_a_row_from_a_clock_that_runs_ahead_changes_nothing() -> None:
    graph = random_graph(3, accounts=40, ties=120, events=1_500)
    now = last_event(graph) + timedelta(hours=1)
    plain = run(graph, ThresholdSpec(), now=now)
    ahead = run(with_event_at(graph, FAR), ThresholdSpec(), now=now)
    assert ahead.as_of == plain.as_of
    assert ahead.scores.equals(plain.scores)
    assert plain.scores.num_rows > 0
    assert ahead.counts["refused_rows"] == plain.counts["refused_rows"] + 1


def test_a_graph_that_lies_in_the_future_as_a_whole_is_taken_as_it_is() -> None:
    graph = random_graph(3)
    now = min(row["published"] for row in graph.events.to_pylist())
    assert instant(graph, None, now) == instant(graph, None)


def test_a_decision_does_not_move_the_end() -> None:
    graph = random_graph(3)
    decision = {"account": 1, "outcome": "dismissed", "decided_at": FAR}
    decided = replace(graph, labels=pa.Table.from_pylist([decision], schema=LABELS))
    assert instant(decided, None) == instant(graph, None)


def test_without_events_a_decision_is_the_end() -> None:
    graph = random_graph(3)
    decision = {"account": 1, "outcome": "dismissed", "decided_at": FAR}
    quiet = replace(
        graph,
        events=graph.events.slice(0, 0),
        labels=pa.Table.from_pylist([decision], schema=LABELS),
    )
    assert instant(quiet, None) == pa.scalar(FAR, TIME).value + 1


def test_now_needs_a_time_zone() -> None:
    graph = random_graph(3)
    with pytest.raises(ValueError, match="time zone"):
        instant(graph, None, datetime(2020, 1, 1))  # noqa: DTZ001 - what is refused
