"""Runs over Parquet files give what runs over the database give."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pytest_django import Settings

from accounts.models import Event, Tie
from audit.actors import Actor
from signals import basis, graph_files, runner, snapshot
from signals.errors import GraphUnreadable
from signals.models import Assessment, Run, Score
from signals.services import start_run
from tests.signals.graphs import Graph, school

pytestmark = pytest.mark.django_db(transaction=True)

WORKER = Actor.system("worker")


@pytest.fixture
def graph() -> Graph:
    return school(children=20, adults=30)


def compute() -> Run:
    """A run over whatever the settings name."""
    run = start_run(actor=WORKER, trigger=Run.Trigger.COMMAND, full=True, enqueue=False)
    return runner.execute(run.pk)


def values(run: Run) -> dict[int, tuple[float, bool, list[float | None]]]:
    return {
        score.account_id: (score.points, score.flagged, score.llr)
        for score in Score.objects.filter(run=run)
    }


def write(folder: Path, **tables: pa.Table) -> str:
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return str(folder)


def _text(when: date | None) -> str:
    return when.isoformat() if when else ""


def by_name(graph: Graph) -> dict[str, pa.Table]:
    """What a platform would write: its own identifiers, times as text, empty where not known."""
    name = {account.pk: account.account_id for account in graph.accounts.values()}
    ties = [
        {
            "a": name[tie.a_id],
            "b": name[tie.b_id],
            "kind": tie.kind,
            "since": _text(tie.since),
            "until": _text(tie.until),
        }
        for tie in Tie.objects.all()
    ]
    events = [
        {
            "event_id": event.event_id,
            "type": event.type,
            "actor": name[event.actor_id],
            "object": event.ref.event_id if event.ref else name[event.object_id or 0],
            "published": _text(event.published),
        }
        for event in Event.objects.select_related("ref")
    ]
    accounts = [
        {
            "account_id": account.account_id,
            "birth_date": _text(account.birth_date),
            "birth_year": "",
            "region": "",
        }
        for account in graph.accounts.values()
    ]
    return {
        "accounts": pa.Table.from_pylist(accounts),
        "ties": pa.Table.from_pylist(ties),
        "events": pa.Table.from_pylist(events),
    }


def test_both_forms_give_what_the_database_gives(
    graph: Graph, settings: Settings, tmp_path: Path
) -> None:
    own, theirs = tmp_path / "own", tmp_path / "theirs"
    own.mkdir()
    theirs.mkdir()
    snapshot.take().graph.to_parquet(own)
    write(theirs, **by_name(graph))
    expected = values(compute())
    assert any(flagged for _, flagged, _ in expected.values())

    settings.SIGNALS_GRAPH = str(own)
    assert values(compute()) == expected
    settings.SIGNALS_GRAPH = f"file://{theirs}"
    run = compute()
    assert values(run) == expected
    mallory = Assessment.objects.get(run=run, account=graph.accounts["mallory"])
    assert mallory.flagged
    assert mallory.evidence.filter(target=graph.accounts["child0"]).exists()
    # what only the files hold never looks like an event of the database
    assert not Event.objects.filter(pk__in=mallory.evidence.values("event_id")).exists()


def test_a_table_may_be_a_folder_of_files(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    tables = by_name(graph)
    events = tables.pop("events")
    settings.SIGNALS_GRAPH = write(tmp_path, **tables)
    (tmp_path / "events.parquet").mkdir()
    half = events.num_rows // 2
    write(tmp_path / "events.parquet", first=events.slice(0, half), rest=events.slice(half))
    assert snapshot.take().graph.events.num_rows == Event.objects.count()


def test_a_run_is_due_when_the_files_change(
    graph: Graph, settings: Settings, tmp_path: Path
) -> None:
    tables = by_name(graph)
    settings.SIGNALS_GRAPH = write(tmp_path, **tables)
    run = compute()
    again = start_run(actor=WORKER, trigger=Run.Trigger.COMMAND, enqueue=False)
    assert (again.pk, again.state) == (run.pk, Run.State.DONE)
    before = basis.graph_now()
    write(tmp_path, events=tables["events"].slice(0, 10))
    assert basis.graph_now() != before
    assert start_run(actor=WORKER, trigger=Run.Trigger.COMMAND, enqueue=False).pk != run.pk


def test_rows_that_name_nobody_are_left_out(
    graph: Graph, settings: Settings, tmp_path: Path
) -> None:
    tables = by_name(graph)
    row = {"type": "Offer", "actor": "mallory", "published": "2026-02-01T00:00:00Z"}
    strange = [
        {**row, "event_id": "x1", "object": "nobody"},
        {**row, "event_id": "x2", "object": "x1", "type": "Accept", "actor": "nobody"},
        {**row, "event_id": "x3", "object": "gone", "type": "Undo"},
    ]
    tables["events"] = pa.concat_tables(
        [tables["events"], pa.Table.from_pylist(strange, tables["events"].schema)]
    )
    settings.SIGNALS_GRAPH = write(tmp_path, **tables)
    assert snapshot.take().graph.events.num_rows == Event.objects.count()


def test_accounts_that_are_not_imported_stop_the_run(
    graph: Graph, settings: Settings, tmp_path: Path
) -> None:
    accounts = pa.table({"account_id": ["mallory", "stranger"]})
    settings.SIGNALS_GRAPH = write(tmp_path, accounts=accounts)
    run = compute()
    assert run.state == Run.State.FAILED
    assert "1 of 2 accounts" in run.error
    assert "import its accounts first" in run.error


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({}, "holds no accounts.parquet"),
        ({"accounts": {"name": ["ann"]}}, "the column 'id' is missing"),
        ({"accounts": {"account_id": ["a", "a"]}}, "an account_id stands there twice"),
        (
            {"accounts": {"account_id": ["mallory"]}, "ties": {"a": ["x"]}},
            "ties: the column 'b' is missing",
        ),
        (
            {"accounts": {"account_id": ["mallory"], "birth_date": ["yesterday"]}},
            "the column 'birth_date'",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    graph: Graph,
    settings: Settings,
    tmp_path: Path,
    tables: dict[str, dict[str, list[str]]],
    sentence: str,
) -> None:
    made = {name: pa.table(columns) for name, columns in tables.items()}
    settings.SIGNALS_GRAPH = write(tmp_path, **made)
    with pytest.raises(GraphUnreadable) as refusal:
        snapshot.take()
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_store_that_nobody_knows_is_one_sentence(settings: Settings) -> None:
    settings.SIGNALS_GRAPH = "gopher://old/graph"
    assert graph_files.state(settings.SIGNALS_GRAPH)[0][0] == "unreadable"
    with pytest.raises(GraphUnreadable, match="cannot be reached"):
        snapshot.take()


def test_a_broken_file_is_one_sentence(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "accounts.parquet").write_bytes(b"not Parquet at all")
    settings.SIGNALS_GRAPH = str(tmp_path)
    with pytest.raises(GraphUnreadable, match="cannot be read"):
        snapshot.take()
