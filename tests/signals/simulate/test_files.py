"""The files of a community keep every rule of the import format, and the same bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from signals.simulate import SimulationSettings, default_prevalence, simulate
from signals.simulate.strategies import HARD_NEGATIVES, OFFENDERS
from signals.simulate.writing import write_community

Rows = list[dict[str, str]]
Reader = Callable[[str], Rows]
OUTCOMES = {"Accept", "Reject", "Ignore"}


def moment(text: str) -> datetime:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text), text
    return datetime.fromisoformat(text)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


def test_the_same_arguments_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    settings = SimulationSettings(accounts=6_000, seed=11, prevalence=0.01)
    write_community(simulate(settings), tmp_path)
    assert digests(tmp_path) == digests(folder)


def test_another_seed_gives_other_bytes(folder: Path, tmp_path: Path) -> None:
    settings = SimulationSettings(accounts=6_000, seed=12, prevalence=0.01)
    write_community(simulate(settings), tmp_path)
    assert not set(digests(tmp_path).values()) & set(digests(folder).values())


def test_accounts_keep_the_rules(rows: Reader) -> None:
    accounts = rows("accounts")
    assert len({row["account_id"] for row in accounts}) == len(accounts) == 6_000
    for row in accounts:
        ages = [name for name in ("birth_date", "birth_year", "age_band") if row[name]]
        assert len(ages) <= 1
        if row["birth_date"]:
            assert 1930 < date.fromisoformat(row["birth_date"]).year < 2020
        if row["birth_year"]:
            assert 1930 < int(row["birth_year"]) < 2020
        assert row["age_band"] in {"", "under_13", "13_15", "16_17", "18_plus", "unknown"}
        assert row["age_source"] in {"self_declared", "estimated", "verified"}
        assert row["role"] in {"", "educator", "coach", "support", "official"}
        assert row["status"] in {"active", "suspended", "deleted"}
        assert row["display_name"].strip()
        assert re.fullmatch(r"[A-Z]{2}", row["region"])
        assert moment(row["created_at"]) < datetime(2026, 11, 1, tzinfo=UTC)


def test_ties_keep_the_rules(rows: Reader) -> None:
    created = {row["account_id"]: moment(row["created_at"]) for row in rows("accounts")}
    ties = rows("ties")
    pairs = {(row["kind"], *sorted((row["a"], row["b"]))) for row in ties}
    assert len(pairs) == len(ties)
    for row in ties:
        assert row["a"] != row["b"]
        assert row["kind"] in {"friend", "family"}
        if row["since"]:
            assert moment(row["since"]) >= max(created[row["a"]], created[row["b"]])
        if row["until"] and row["since"]:
            assert moment(row["until"]) > moment(row["since"])


def test_events_keep_the_rules_and_the_order_of_time(rows: Reader) -> None:
    created = {row["account_id"]: moment(row["created_at"]) for row in rows("accounts")}
    seen: dict[str, dict[str, str]] = {}
    decided: set[str] = set()
    last = datetime(2000, 1, 1, tzinfo=UTC)
    for row in rows("events"):
        at = moment(row["published"])
        assert last <= at < datetime(2026, 11, 1, tzinfo=UTC)
        assert at > created[row["actor"]]
        last = at
        if row["type"] in OUTCOMES:
            request = seen[row["object"]]
            assert request["type"] == "Offer"
            assert request["object"] == row["actor"]
            assert request["published"] < row["published"]
            assert row["object"] not in decided
            decided.add(row["object"])
        elif row["type"] == "Undo":
            undone = seen[row["object"]]
            assert undone["actor"] == row["actor"]
            assert undone["type"] in {"Offer", "Follow", "Accept", "Block"}
        else:
            assert row["type"] in {"Offer", "Follow", "Create", "Block", "Flag", "Remove"}
            assert row["object"] != row["actor"]
            assert at > created[row["object"]]
        assert row["event_id"] not in seen
        seen[row["event_id"]] = row


def test_nobody_asks_for_a_tie_that_stands(rows: Reader) -> None:
    since = {
        frozenset((row["a"], row["b"])): row["since"]
        for row in rows("ties")
        if row["kind"] == "friend"
    }
    asked = [row for row in rows("events") if row["type"] == "Offer"]
    assert not [row for row in asked if frozenset((row["actor"], row["object"])) in since]


def test_the_truth_names_every_account_and_every_kind(rows: Reader) -> None:
    truth = rows("truth")
    assert [row["account_id"] for row in truth] == [row["account_id"] for row in rows("accounts")]
    kinds: dict[str, int] = {}
    for row in truth:
        kinds[row["strategy"]] = kinds.get(row["strategy"], 0) + 1
        assert row["label"] == ("1" if row["strategy"] in OFFENDERS else "0")
    assert set(kinds) == {"ordinary", *HARD_NEGATIVES, *OFFENDERS}
    assert min(kinds[name] for name in HARD_NEGATIVES) >= 30
    assert sum(kinds[name] for name in OFFENDERS) == 60


def test_fifty_accounts_and_none_planted(tmp_path: Path) -> None:
    community = simulate(SimulationSettings(accounts=50, prevalence=0.0))
    written = write_community(community, tmp_path)
    assert written["accounts"] == written["truth"] == 50
    assert written["events"] > 50
    assert ",1," not in (tmp_path / "truth.csv").read_text()


def test_parquet_holds_what_csv_holds(tmp_path: Path) -> None:
    community = simulate(SimulationSettings(accounts=300, seed=4))
    write_community(community, tmp_path, "csv")
    write_community(community, tmp_path, "parquet")
    for name in ("accounts", "ties", "events"):
        table = pq.read_table(tmp_path / f"{name}.parquet")
        head, *lines = (tmp_path / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        assert ",".join(table.column_names) == head
        columns = [table.column(column).to_pylist() for column in table.column_names]
        assert [",".join(values) for values in zip(*columns, strict=True)] == lines


def test_default_prevalence() -> None:
    assert default_prevalence(1_000_000) == 0.001
    assert default_prevalence(5_000) == pytest.approx(0.012)
    assert default_prevalence(50) == 0.02


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"accounts": 49}, "at least 50 accounts"),
        ({"prevalence": 0.3}, "between 0 and 0.2"),
        ({"median_degree": 4.0}, "between 8 and 60"),
        ({"seed": -1}, "zero or more"),
        ({"history_days": 10}, "between 200 and 3,650 days"),
        ({"established_share": 1.5}, "between 0 and 1"),
    ],
)
def test_impossible_settings_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SimulationSettings(**arguments)
