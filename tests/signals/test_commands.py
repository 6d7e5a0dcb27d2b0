"""``compute_indicators``, ``export_scores``, ``export_facts`` as their callers see them."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from signals import exports
from signals.attempt import RunLock
from signals.models import Run, Score
from signals.selectors import export_scores
from signals.services import start_run
from signals.spec import KEYS
from tests.signals.graphs import Graph, low_threshold, school
from tests.support.samples import sample

pytestmark = pytest.mark.django_db(transaction=True)


Call = Callable[..., str]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command; what it wrote to standard output."""

    def run(*arguments: object) -> str:
        capsys.readouterr()
        call_command(*map(str, arguments))
        return capsys.readouterr().out

    return run


def json_of(out: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(out.splitlines()[-1])
    return answer


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def small() -> Graph:
    return school(children=8, adults=8)


# -- Real input --------------------------------------------------------------------------------


def test_college_messages_from_import_to_export(call: Call, tmp_path: Path) -> None:
    """The figures of the data set's own README, on the command line from end to end."""
    folder = sample("collegemsg")
    with pytest.raises(SystemExit) as ended:
        call("import_graph", folder)
    assert ended.value.code == 0

    answer = json_of(call("compute_indicators", "--json"))

    assert (answer["accounts"], answer["contacts"]) == (1899, 13838)
    run = Run.objects.get()
    assert (run.pk, run.trigger) == (answer["run"], "import")
    figures = run.figures
    assert figures["zero_mutual_at_contact"] == 11884
    assert figures["zero_mutual_final"] == 8319
    shares = {
        ties: round(100 * counts["zero_mutual"] / counts["contacts"], 1)
        for ties, counts in figures["both_sides"].items()
    }
    assert shares == {"5": 60.1, "20": 22.5}

    call("export_facts", tmp_path / "facts.csv")
    facts = rows_of(tmp_path / "facts.csv")
    assert len(facts) == 13838
    assert sum(row["mutual_friends"] == "0" for row in facts) == 11884
    assert sum(row["mutual_friends_now"] == "0" for row in facts) == 8319
    with (folder / "events.csv").open(newline="") as file:
        offers = {row["event_id"]: row for row in csv.DictReader(file) if row["type"] == "Offer"}
    for row in facts[::100]:
        offer = offers[row["event_id"]]
        assert (row["actor"], row["target"]) == (offer["actor"], offer["object"])

    call("export_scores", tmp_path / "scores.csv")
    assert len(rows_of(tmp_path / "scores.csv")) == answer["assessed"] == run.assessed

    again = json_of(call("compute_indicators", "--json"))
    assert (again["run"], again["unchanged"], again["contacts"]) == (run.pk, True, 13838)


# -- compute_indicators ------------------------------------------------------------------------


def test_the_line_of_json_is_the_contract(call: Call) -> None:
    low_threshold()
    school()
    answer = json_of(call("compute_indicators", "--json"))
    run = Run.objects.get()
    assert answer.keys() >= {
        "run", "accounts", "contacts", "flagged", "cases_opened", "cases_updated", "seconds",
    }  # fmt: skip
    assert answer["seconds"].keys() == {"load", "contact_facts", "indicators", "cases", "total"}
    assert answer["seconds"]["total"] == pytest.approx(
        sum(value for name, value in answer["seconds"].items() if name != "total"), abs=0.01
    )
    assert (answer["run"], answer["flagged"], answer["cases_opened"]) == (run.pk, 1, 1)
    assert answer["unchanged"] is False

    unchanged = json_of(call("compute_indicators", "--json"))
    assert unchanged["unchanged"] is True
    # What the command itself did: nothing.
    assert (unchanged["cases_opened"], unchanged["cases_updated"]) == (0, 0)
    assert (unchanged["run"], unchanged["flagged"]) == (run.pk, 1)

    full = json_of(call("compute_indicators", "--json", "--full"))
    assert (full["unchanged"], full["cases_opened"]) == (False, 0)
    assert full["run"] != run.pk


def test_a_person_reads_sentences(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    small()
    said = call("compute_indicators")
    assert "17 accounts, " in said
    assert "Nothing is new since run" in call("compute_indicators")
    call_command("compute_indicators", "--full")
    shown = capsys.readouterr().err
    assert shown.startswith("Reading the graph: 0%\n")
    assert shown.endswith("Storing values and opening cases: 100%\n")


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-02-30T00:00:00Z",
        "2026-10-01T00:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_a_time_that_is_none_is_refused(call: Call, text: str) -> None:
    with pytest.raises(CommandError, match="is no time with an offset, such as 2026-10-01"):
        call("compute_indicators", "--as-of", text)
    assert not Run.objects.exists()


def test_a_failed_run_is_an_error_of_one_sentence(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any
) -> None:
    small()
    in_the_way = tmp_path / "home"
    in_the_way.mkdir()
    (in_the_way / "facts").write_text("a file where a folder should be")
    settings.SIGHTLINE_HOME = in_the_way
    with pytest.raises(CommandError, match=r"^Run \d+ is failed: NotADirectoryError"):
        call("compute_indicators")
    assert Run.objects.get().state == "failed"


def test_the_command_waits_for_the_run_of_another_process(
    call: Call, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small()
    lock = RunLock()
    assert lock.take()
    naps: list[float] = []

    def other_ends(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            lock.__exit__(None, None, None)

    monkeypatch.setattr(time, "sleep", other_ends)
    call_command("compute_indicators")
    assert len(naps) >= 3
    assert "Waiting for it to end." in capsys.readouterr().err
    assert Run.objects.get().state == "done"


def test_the_command_computes_the_run_that_waits_for_a_worker(call: Call) -> None:
    small()
    waiting = start_run(actor=Actor.system("worker"), trigger="import")
    assert json_of(call("compute_indicators", "--json"))["run"] == waiting.pk


# -- export_scores, export_facts ---------------------------------------------------------------


def test_scores_are_ranked_and_the_same_in_both_formats(call: Call, tmp_path: Path) -> None:
    low_threshold()
    school()
    call("compute_indicators")
    run = Run.objects.get()
    said = call("export_scores", tmp_path / "scores.csv")
    assert said.startswith(f"Wrote {run.assessed} scores of run {run.pk}")
    call("export_scores", tmp_path / "scores.parquet", "--run", run.pk)

    with (tmp_path / "scores.csv").open(newline="") as file:
        header = next(csv.reader(file))
    parts = [f"{key}_{part}" for key in KEYS for part in ("llr", "k", "n")]
    assert header == ["account_id", "points", "rank", "flagged", "groups", *parts]

    rows = rows_of(tmp_path / "scores.csv")
    assert len(rows) == run.assessed > 1
    points = [float(row["points"]) for row in rows]
    assert points == sorted(points, reverse=True)
    assert rows[0]["account_id"] == "mallory"
    assert (rows[0]["rank"], rows[0]["flagged"]) == ("1", "true")
    # Not assessed is empty, never a zero.
    assert all(row["co_targeting_llr"] == "" for row in rows)

    parquet = pq.read_table(tmp_path / "scores.parquet")
    assert parquet.column_names == header
    for text, row in zip(rows, parquet.to_pylist(), strict=True):
        assert text["account_id"] == row["account_id"]
        assert float(text["points"]) == row["points"]
        expected = row["no_mutuals_llr"]
        assert (float(text["no_mutuals_llr"]) if text["no_mutuals_llr"] else None) == expected
    assert parquet.equals(export_scores(run))


def test_exports_are_in_the_trail(call: Call, tmp_path: Path) -> None:
    small()
    call("compute_indicators")
    call("export_scores", tmp_path / "scores.csv")
    call("export_facts", tmp_path / "facts.parquet")
    entries = Entry.objects.filter(verb__startswith="run.export").order_by("number")
    assert [(entry.verb, entry.actor) for entry in entries] == [
        ("run.export_scores", "system:command"),
        ("run.export_facts", "system:command"),
    ]
    assert pq.read_table(tmp_path / "facts.parquet").num_rows == Run.objects.get().contacts > 0


def finished(**given: Any) -> Run:
    now = timezone.now()
    values = {"trigger": "command", "state": "done", "finished_at": now, "assessed": 5}
    return Run.objects.create(**(values | given))


@pytest.mark.parametrize("command", ["export_scores", "export_facts"])
def test_exports_refuse_with_a_sentence(call: Call, tmp_path: Path, command: str) -> None:
    with pytest.raises(CommandError, match="There is no complete run yet"):
        call(command, tmp_path / "x.csv")
    with pytest.raises(CommandError, match=r"x\.xlsx: the name must end in \.csv or \.parquet\."):
        call(command, tmp_path / "x.xlsx")
    with pytest.raises(CommandError, match="is no folder"):
        call(command, tmp_path / "missing" / "x.csv")
    with pytest.raises(CommandError, match="There is no run '7'"):
        call(command, tmp_path / "x.csv", "--run", "7")
    run = finished(state="cancelled")
    with pytest.raises(CommandError, match=f"Run {run.pk} is not complete: it is cancelled"):
        call(command, tmp_path / "x.csv", "--run", run.pk)
    run = finished()
    with pytest.raises(CommandError, match=f"of run {run.pk} are "):
        call(command, tmp_path / "x.csv")
    assert list(tmp_path.iterdir()) == []
    assert not Entry.objects.filter(verb__startswith="run.export").exists()


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.csv").mkdir()
    run = finished(assessed=0)
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_scores", str(tmp_path / "x.csv"))
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
    assert export_scores(run).num_rows == 0


def test_facts_of_what_was_erased_since_keep_their_place(tmp_path: Path, call: Call) -> None:
    graph = school(children=12, adults=12)
    call("compute_indicators")
    run = Run.objects.get()
    before = exports.facts(run).column("actor").to_pylist()
    assert before.count("adult3") > 0
    Score.objects.all().delete()
    graph.accounts["adult3"].delete()
    after = exports.facts(run).column("actor").to_pylist()
    assert after == [None if actor == "adult3" else actor for actor in before]
