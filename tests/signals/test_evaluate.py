"""Evaluation of a small table of scores, every figure by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from signals.evaluate import align, evaluate, first_flagged, points_without
from signals.evaluation_text import lines
from signals.ranking import Floats
from signals.truth import TruthError, read_truth, truth_from_table

TRUTH = pa.table(
    {
        "account_id": ["a", "b", "c", "d", "e", "f", "g", "h"],
        "label": [1, 1, 1, 0, 0, 0, 0, 0],
        "strategy": ["ring", "ring", "sleeper", "teacher", "teacher", "ordinary", "", "coach"],
    }
)
# b and e share 50 points; c was never assessed; z is not in the truth
SCORES = pa.table(
    {
        "account_id": ["a", "d", "b", "e", "f", "g", "h", "z"],
        "points": [120.0, 100.0, 50.0, 50.0, 10.0, 5.0, -20.0, 300.0],
        "flagged": [True, True, False, False, False, False, False, True],
        "no_mutuals_llr": [3.0, None, 1.0, 1.0, 0.5, None, -1.0, 6.0],
        "refused_llr": [1.0, 4.0, None, None, None, None, None, 6.0],
        "points_without_private_fast": [120.0, 100.0, 50.0, 40.0, 10.0, 5.0, -20.0, 300.0],
    }
)
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return evaluate(
        SCORES,
        truth_from_table(TRUTH),
        ks=(1, 3),
        groups=pa.table(
            {
                "account_id": ["a", "d", "e", "f", "g"],
                "region": ["GB", "GB", "DE", "DE", ""],
                "age_band": ["40_plus", "40_plus", None, "18_24", "18_24"],
            }
        ),
        first_contacts={"a": START, "b": START, "c": START + timedelta(days=5)},
        cases={"a": START + timedelta(days=10), "c": START + timedelta(days=35), "d": START},
    )


def test_who_is_counted(report: dict[str, Any]) -> None:
    assert report["accounts"] == 8
    assert report["planted"] == 3
    assert report["assessed"] == 7
    assert report["scored_but_not_in_truth"] == 1


def test_average_precision_counts_ties_and_the_unassessed(report: dict[str, Any]) -> None:
    # steps: a (1 of 1), d (1 of 2), b and e (2 of 4), f, g, h, and c last (3 of 8)
    expected = (1 + 2 / 4 + 3 / 8) / 3
    assert report["average_precision"]["value"] == pytest.approx(expected)
    # without the hours, b stands before e: 2 of 3
    without = report["average_precision_without_private_fast"]["value"]
    assert without == pytest.approx((1 + 2 / 3 + 3 / 8) / 3)


def test_everything_is_given_without_the_hours_too(report: dict[str, Any]) -> None:
    without = report["without_private_fast"]
    # b has 50 points of its own then, e only 40
    assert [row["hits"] for row in without["at_k"]] == [1.0, 2.0]
    assert without["average_precision"] == report["average_precision_without_private_fast"]
    assert "flagged" not in without
    flagged = np.array([False, True, False, True, False, False, False, False])
    again = evaluate(SCORES, truth_from_table(TRUTH), flagged_without=flagged)
    assert again["without_private_fast"]["flagged"]["recall"] == pytest.approx(1 / 3)
    rates = {
        row["class"]: row["flagged"] for row in again["without_private_fast"]["hard_negatives"]
    }
    assert rates == {"coach": 0, "ordinary": 0, "teacher": 1}
    assert again["flagged"]["accounts"] == 2


def test_at_k(report: dict[str, Any]) -> None:
    first, third = report["at_k"]
    assert (first["precision"], first["recall"]) == (1.0, pytest.approx(1 / 3))
    # one place for b and e: half a planted account
    assert third["hits"] == pytest.approx(1.5)
    assert third["precision"] == pytest.approx(0.5)


def test_flags(report: dict[str, Any]) -> None:
    assert report["flagged"] == {
        "accounts": 2,
        "planted": 1,
        "precision": 0.5,
        "recall": pytest.approx(1 / 3),
    }


def test_strategies_and_classes(report: dict[str, Any]) -> None:
    ring, sleeper = report["strategies"]
    assert (ring["strategy"], ring["flagged"], ring["recall"]) == ("ring", 1, 0.5)
    assert ring["recall_at"] == {"1": 0.5, "3": pytest.approx(0.75)}
    assert (sleeper["recall"], sleeper["median_points"]) == (0.0, None)
    rates = {row["class"]: (row["flagged"], row["accounts"]) for row in report["hard_negatives"]}
    assert rates == {"coach": (0, 1), "ordinary": (0, 2), "teacher": (1, 2)}


def test_groups_hold_harmless_accounts_only(report: dict[str, Any]) -> None:
    region = {row["group"]: (row["flagged"], row["accounts"]) for row in report["groups"]["region"]}
    assert region == {"DE": (0, 2), "GB": (1, 1), "not given": (0, 2)}
    assert "gender" not in report["groups"]


def test_days(report: dict[str, Any]) -> None:
    assert report["days_to_case"] == {"median": 20.0, "cases": 2, "without_case": 1}


def test_single_indicators(report: dict[str, Any]) -> None:
    rows = {row["key"]: row for row in report["indicators"]}
    # no_mutuals: a (1 of 1), b and e (2 of 3), f, then the zeros c, d, g (3 of 7)
    expected = (1 + 2 / 3 + 3 / 7) / 3
    assert rows["no_mutuals"]["average_precision"] == pytest.approx(expected)
    assert rows["no_mutuals"]["assessed"] == 5
    assert rows["no_mutuals"]["planted_raised"] == 2
    assert rows["no_mutuals"]["harmless_raised"] == 1
    assert report["best_single_indicator"]["key"] == "no_mutuals"


def test_it_is_json_with_definitions_and_text(report: dict[str, Any]) -> None:
    assert json.loads(json.dumps(report, allow_nan=False))["definitions"]["average_precision"]
    text = "\n".join(lines(report))
    assert "8 accounts, 3 planted; 7 with a score; 2 flagged, 1 of them planted." in text
    assert "Median days from first contact to case: 20 (2 cases)" in text


def test_ablation_recombines_without_the_indicator() -> None:
    truth = truth_from_table(TRUTH)
    scored = align(SCORES, truth)

    def added(llr: Mapping[str, Floats]) -> Floats:
        total: Floats = np.sum([np.nan_to_num(values) for values in llr.values()], axis=0)
        return total

    without = points_without(scored, "refused", added)
    # only no_mutuals is left; c has no score and stays last
    assert without.tolist() == [3.0, 1.0, -np.inf, 0.0, 1.0, 0.5, 0.0, -1.0]
    report = evaluate(SCORES, truth, ablation={"refused": without})
    row = next(row for row in report["indicators"] if row["key"] == "refused")
    # a (1 of 1), b and e (2 of 3), f, d and g, h, c last (3 of 8)
    assert row["average_precision_without"] == pytest.approx((1 + 2 / 3 + 3 / 8) / 3)
    full = report["average_precision"]["value"]
    assert row["ablation"] == pytest.approx(full - row["average_precision_without"])


def test_nothing_planted_and_nothing_scored() -> None:
    truth = truth_from_table(pa.table({"account_id": ["a"], "label": ["0"]}))
    empty = SCORES.slice(0, 0)
    report = evaluate(empty, truth)
    assert report["average_precision"]["value"] is None
    assert report["flagged"]["precision"] is None
    assert list(lines(report))
    json.dumps(report, allow_nan=False)


def test_first_flagged_takes_the_earliest_replay() -> None:
    later = pa.table({"account_id": ["a", "b"], "flagged": [True, True]})
    early = pa.table({"account_id": ["a", "b"], "flagged": [True, False]})
    day = timedelta(days=1)
    found = first_flagged([(START + day, later), (START, early)])
    assert found == {"a": START, "b": START + day}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("account_id,strategy\na,ring\n", "truth.csv: the column label is missing."),
        ("account_id,label\na,2\n", "truth.csv, line 2: label must be 0 or 1."),
        ("account_id,label\na,1\n,0\n", "truth.csv, line 3: account_id is empty."),
        ("account_id,label\na,1\na,0\n", "truth.csv: the account a stands there more than once."),
    ],
)
def test_a_bad_truth_file_is_named_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(text)
    with pytest.raises(TruthError) as caught:
        read_truth(path)
    assert str(caught.value) == message


def test_a_missing_or_empty_truth_file(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="there is no such file"):
        read_truth(tmp_path / "none.csv")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    with pytest.raises(TruthError, match="not a readable CSV file"):
        read_truth(empty)


def test_identifiers_that_look_like_numbers_stay_texts(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("account_id,label,strategy\n0042,1,ring\n42,0,\n")
    truth = read_truth(path)
    assert truth.account_id.to_pylist() == ["0042", "42"]
    assert truth.strategy.tolist() == ["ring", "ordinary"]
