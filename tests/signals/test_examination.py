"""The examination on invented communities, and the page that it makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from signals.examination import first_child_contacts, groups_of, truth_of
from signals.examination_page import page
from signals.simulate import SimulationSettings, simulate
from signals.simulate.writing import write_community
from signals.truth import read_truth

SMALL = SimulationSettings(accounts=600, seed=3, prevalence=0.03)


def test_the_truth_is_that_of_the_file(tmp_path: Path) -> None:
    community = simulate(SMALL)
    write_community(community, tmp_path)
    from_file, direct = read_truth(tmp_path / "truth.csv"), truth_of(community)
    assert direct.account_id.equals(from_file.account_id)
    assert direct.label.tolist() == from_file.label.tolist()
    assert direct.strategy.tolist() == from_file.strategy.tolist()


def test_first_child_contacts_are_of_planted_accounts_only() -> None:
    community = simulate(SMALL)
    truth = truth_of(community)
    planted = set(truth.account_id.filter(truth.label).to_pylist())
    found = first_child_contacts(community)
    assert found.keys() <= planted
    assert len(found) > len(planted) / 2
    assert groups_of(community).num_rows == 600


def report(*, flagged: int, precision: float, gain: float | None) -> dict[str, Any]:
    """The parts of a report that the page shows."""
    row = {"accounts": 100, "flagged": flagged}
    return {
        "accounts": 1_000,
        "planted": 10,
        "prevalence": 0.01,
        "average_precision": {"value": precision},
        "average_precision_without_private_fast": {"value": None},
        "best_single_indicator": {"key": "refused", "average_precision": 0.25},
        "flagged": {"precision": 0.5, "recall": 0.5},
        "days_to_case": {"median": 40.0},
        "at_k": [{"k": 5, "precision": 0.4, "recall": 0.2}],
        "indicators": [
            {
                "key": "refused",
                "average_precision": 0.25,
                "ablation": gain,
                "planted_raised": 4,
                "harmless_raised": 2,
            }
        ],
        "without_private_fast": None,
        "strategies": [{"strategy": "ring", **row}],
        "hard_negatives": [{"class": "teacher", **row}],
        "groups": {"region": [{"group": "GB", **row}]},
        "definitions": {"recall": "what was found"},
    }


def test_the_page_pools_what_the_communities_gave() -> None:
    reports = [
        report(flagged=2, precision=0.6, gain=0.01),
        report(flagged=4, precision=0.8, gain=0.03),
    ]
    text = page(reports, "manage.py examine")
    assert "| Average precision, full score | 0.700 (0.600 to 0.800) |" in text
    assert "| teacher | 200 | 6 | 3.0 % | 1.4 % to 6.4 % |" in text
    assert "| `refused` | 0.250 (0.250 to 0.250) | 0.020 (0.010 to 0.030) | 8 | 4 |" in text
    assert "Each of them earns its place" in text
    assert "upper bound" in text
    assert "- **recall**: what was found" in text


def test_the_page_gives_everything_without_hours_too() -> None:
    one = report(flagged=2, precision=0.6, gain=0.01)
    one["without_private_fast"] = {
        "at_k": [{"k": 5, "precision": 0.2, "recall": 0.1}],
        "strategies": [{"strategy": "ring", "accounts": 100, "flagged": 1}],
        "hard_negatives": [{"class": "teacher", "accounts": 100, "flagged": 5}],
    }
    text = page([one], "manage.py examine")
    assert "| Precision at 5 without `private_fast` | 0.200 |" in text
    assert "| ring | 100 | 2 | 2.0 % | 0.6 % to 7.0 % | 1.0 % |" in text
    assert "| teacher | 100 | 2 | 2.0 % | 0.6 % to 7.0 % | 5.0 % |" in text


def test_the_page_names_indicators_that_do_not_earn_their_place() -> None:
    text = page([report(flagged=0, precision=0.6, gain=-0.01)], "manage.py examine")
    assert "Not earning their place here (no gain on average): `refused`." in text
    without = page([report(flagged=0, precision=0.6, gain=None)], "manage.py examine")
    assert "earn" not in without


def test_no_report_no_page() -> None:
    with pytest.raises(ValueError, match="nothing to report"):
        page([], "manage.py examine")


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    path = tmp_path / "results.md"
    options = {"accounts": 600, "seeds": [3], "prevalence": 0.03, "replays": 1, "output": path}
    call_command("examine", no_ablation=True, **options)
    text = path.read_text("utf-8")
    assert "manage.py examine --accounts 600 --seeds 3 --prevalence 0.03" in text
    assert "| posing_minor | 2 |" in text


def test_the_command_refuses_what_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="at least 50 accounts"):
        call_command("examine", accounts=3, output=tmp_path / "a.md")
    with pytest.raises(CommandError, match="give whole numbers"):
        call_command("examine", "--seeds=a")
