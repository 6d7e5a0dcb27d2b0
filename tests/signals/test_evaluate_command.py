"""``simulate`` and ``evaluate`` as a person runs them."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit.actors import Actor
from signals import runner
from signals.selectors import latest_scores
from signals.selectors.evaluation import account_groups, first_child_contacts, first_flags
from signals.services import start_run
from tests.signals.graphs import Graph, day, low_threshold, school

COMMAND = Actor.system("command")


@pytest.fixture
def graph(transactional_db: None) -> Graph:
    low_threshold()
    return school()


@pytest.fixture
def truth(graph: Graph, tmp_path: Path) -> Path:
    path = tmp_path / "truth.csv"
    rows = [f"{name},{int(name == 'mallory')},\n" for name in graph.accounts]
    path.write_text("account_id,label,strategy\n" + "".join(rows).replace("1,\n", "1,planted\n"))
    return path


def compute() -> None:
    run = start_run(actor=COMMAND, trigger="command", enqueue=False)
    runner.execute(run.pk, actor=COMMAND)


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: Any) -> dict[str, Any]:
    call_command("evaluate", *arguments, "--json")
    line = capsys.readouterr().out.strip()
    assert "\n" not in line
    figures: dict[str, Any] = json.loads(line)
    return figures


def test_the_planted_account_is_found(
    graph: Graph, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compute()
    figures = evaluated(capsys, "--truth", truth, "--k", "1,5")
    assert figures["accounts"] == len(graph.accounts)
    assert figures["planted"] == 1
    assert figures["average_precision"]["value"] == 1.0
    assert [row["k"] for row in figures["at_k"]] == [1, 5]
    assert figures["flagged"]["recall"] == 1.0
    assert figures["assessed"] == latest_scores().num_rows
    assert {row["group"] for row in figures["groups"]["age_band"]} >= {"25_39"}
    assert figures["days_to_case"]["cases"] == 1
    assert figures["calibration"]["decided"] == 0
    assert not figures["calibration"]["enough"]
    assert (figures["sample"]["cases"], figures["sample"]["decided"]) == (0, 0)
    assert figures["sample"]["missed"] == {"value": None, "low": None, "high": None}
    call_command("evaluate", "--truth", truth)
    assert "no sampled case decided yet." in capsys.readouterr().out


def test_replaying_finds_an_earlier_date_than_the_run_itself(
    graph: Graph, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compute()
    at_once = evaluated(capsys, "--truth", truth)["days_to_case"]["median"]
    call_command("evaluate", "--truth", truth, "--replay", "2")
    text = capsys.readouterr().out
    assert "Average precision: 1.000" in text
    assert "planted strategy" in text
    assert "A calibration of the weights needs 200 decided cases" in text
    replayed = re.search(r"Median days from first contact to case: (\d+) \(1 cases\)", text)
    assert replayed
    assert int(replayed[1]) < at_once


def test_without_a_run_or_a_truth_file_it_says_so(
    graph: Graph, truth: Path, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="no complete run yet"):
        call_command("evaluate", "--truth", truth)
    with pytest.raises(CommandError, match="there is no such file"):
        call_command("evaluate", "--truth", tmp_path / "none.csv")


@pytest.mark.parametrize("text", ["0", "5,x", "-1"])
def test_bad_k_is_refused(truth: Path, text: str) -> None:
    with pytest.raises(CommandError, match="whole numbers above 0"):
        call_command("evaluate", "--truth", truth, f"--k={text}")


def test_first_contacts_count_recorded_children_only(graph: Graph) -> None:
    graph.account("asker")
    graph.account("grown", 30)
    graph.account("young", 12)
    graph.account("by year", None, birth_year=2012)
    graph.account("by band", None, age_band="13_15")
    graph.account("unknown", None)
    graph.event("Offer", "asker", "grown", on=1)
    graph.event("Offer", "asker", "unknown", on=2)
    graph.event("Block", "asker", "young", on=3)
    assert first_child_contacts(["asker", "nobody"]) == {}
    graph.event("Create", "asker", "by band", on=9)
    assert first_child_contacts(["asker"]) == {"asker": day(9)}
    graph.event("Follow", "asker", "by year", on=8)
    assert first_child_contacts(["asker"]) == {"asker": day(8)}
    graph.event("Offer", "asker", "young", on=7)
    assert first_child_contacts(["asker"]) == {"asker": day(7)}


def test_groups_of_every_account(graph: Graph) -> None:
    graph.account("a", 12, region="GB", gender="female")
    graph.account("b", None, birth_year=2001)
    graph.account("c", None, age_band="16_17")
    graph.account("d", None)
    rows = {row["account_id"]: row for row in account_groups().to_pylist()}
    assert rows["a"] == {
        "account_id": "a",
        "region": "GB",
        "gender": "female",
        "age_band": "under_13",
    }
    bands = [rows[name]["age_band"] for name in "bcd"]
    assert bands == ["18_24", "16_17", "unknown"]


def test_first_flags_are_dated_by_what_the_run_looked_at(graph: Graph) -> None:
    run = start_run(actor=COMMAND, trigger="command", enqueue=False, as_of=day(60))
    runner.execute(run.pk, actor=COMMAND)
    assert first_flags([*graph.accounts, "nobody"]) == {"mallory": day(60)}
    compute()
    assert first_flags(["mallory"]) == {"mallory": day(60)}


def test_simulate_writes_its_files_and_says_how_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("simulate", tmp_path / "a", "--accounts", "200", "--seed", "5", "--end=2026-06-01")
    assert "Wrote 200 accounts, " in capsys.readouterr().out
    call_command("simulate", tmp_path / "b", accounts=200, seed=5, end=date(2026, 6, 1))
    for name in ("accounts", "ties", "events", "truth"):
        first = (tmp_path / "a" / f"{name}.csv").read_bytes()
        assert first == (tmp_path / "b" / f"{name}.csv").read_bytes()
    assert b"2026-06-01" not in (tmp_path / "a" / "events.csv").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--accounts", "10"], "at least 50 accounts"),
        (["--prevalence", "2"], "between 0 and 0.2"),
        (["--end", "2026-02-30"], "not a date"),
    ],
)
def test_simulate_refuses_in_one_sentence(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("simulate", tmp_path, *arguments)
    assert not list(tmp_path.iterdir())


def test_simulate_into_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.write_text("")
    with pytest.raises(CommandError, match="taken: File exists"):
        call_command("simulate", path, "--accounts", "50")
