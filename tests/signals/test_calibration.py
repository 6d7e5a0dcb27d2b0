"""The calibration of weights on decided cases."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa
import pytest
from scipy import optimize
from scipy.special import expit

from signals.calibration import RIDGE, calibration, contributions, fit
from signals.evaluate import evaluate
from signals.evaluation_text import lines
from signals.spec import KEYS, ThresholdSpec
from signals.truth import truth_from_table

SPEC = ThresholdSpec()


def world(cases: int, weights: dict[str, float], level: float = -3.0) -> pa.Table:
    """Accounts whose confirmation follows these weights; ``confirmed`` stands beside the scores."""
    rng = np.random.default_rng(4)
    llr = {key: rng.normal(0.8, 1.2, cases).clip(-3, 6) for key in KEYS}
    table = pa.table({f"{key}_llr": values for key, values in llr.items()})
    parts = contributions(table, SPEC)
    odds = level + parts @ np.array([weights.get(key, 1.0) for key in KEYS])
    confirmed = rng.random(cases) < expit(odds)
    points = 20.0 / np.log(2.0) * parts.sum(axis=1)
    return (
        table.append_column("account", pa.array(np.arange(cases)))
        .append_column("flagged", pa.array(points >= SPEC.open_at))
        .append_column("confirmed", pa.array(confirmed))
    )


def decisions(table: pa.Table) -> dict[int, bool]:
    return dict(zip(table["account"].to_pylist(), table["confirmed"].to_pylist(), strict=True))


def test_contributions_add_up_to_the_points() -> None:
    table = pa.table({"refused_llr": [2.0, None], "persists_llr": [1.0, None]})
    parts = contributions(table, SPEC)
    assert parts.sum(axis=1) == pytest.approx([2.0 + 0.3, 0.0])
    assert parts.shape == (2, len(KEYS))


def test_a_weight_that_decisions_contradict_falls_and_none_is_negative() -> None:
    table = world(3000, {"spread": -1.0, "private_threads": 0.3})
    found = calibration(table, decisions(table), SPEC)
    weights = {row["key"]: row for row in found["weights"]}
    assert weights["spread"]["weight"] == 0.0
    assert weights["spread"]["standard_error"] is None
    assert weights["spread"]["differs"]
    assert weights["private_threads"]["high"] < 1.0
    assert all(row["weight"] >= 0.0 for row in found["weights"])
    assert found["better"]
    assert found["no_longer_flagged"] > 0
    json.dumps(found, allow_nan=False)
    truth = truth_from_table(pa.table({"account_id": ["a"], "label": ["0"]}))
    scores = pa.table({"account_id": ["a"], "points": [1.0], "flagged": [False]})
    text = "\n".join(lines(evaluate(scores, truth, calibration=found)))
    assert "would predict held-out decisions better" in text
    assert re.search(r"spread +0.00 +– +\d+ +yes", text)
    assert "Nothing is changed" in text


def test_weights_that_are_right_stay() -> None:
    table = world(1500, {})
    found = calibration(table, decisions(table), SPEC)
    inside = [row["low"] <= 1.0 <= row["high"] for row in found["weights"]]
    assert sum(inside) >= 12  # nine in ten intervals
    assert found["log_loss"]["calibrated"] == pytest.approx(found["log_loss"]["as_it_is"], abs=0.02)


def test_few_cases_change_little() -> None:
    table = world(3000, {"private_threads": 0.2})
    parts, confirmed = contributions(table, SPEC), np.array(table["confirmed"].to_pylist())
    place = KEYS.index("private_threads")
    few, many = fit(parts[:15], confirmed[:15]), fit(parts, confirmed)
    assert many.weights[place] < 0.5 < few.weights[place]
    assert few.errors[place] > many.errors[place]


def test_without_cases_enough_there_are_only_their_numbers() -> None:
    table = world(220, {})
    few = dict(list(decisions(table).items())[:199])
    found = calibration(table, few, SPEC)
    assert found.keys() == {"decided", "confirmed", "needed", "needed_of_each", "enough"}
    assert not found["enough"]
    assert found["decided"] == 199
    assert calibration(table, {999_999: True}, SPEC)["decided"] == 0


def test_all_confirmed_is_not_enough() -> None:
    table = world(400, {})
    found = calibration(table, dict.fromkeys(range(400), True), SPEC)
    assert not found["enough"]


def test_the_fit_is_the_least_loss() -> None:
    """Against Nelder-Mead on the same penalised likelihood, two indicators."""
    rng = np.random.default_rng(9)
    parts = rng.normal(1.0, 1.0, (300, 2))
    confirmed = rng.random(300) < expit(-1.0 + parts @ np.array([1.5, 0.4]))

    def loss(beta: np.ndarray) -> float:
        z = beta[0] + parts @ beta[1:]
        ridge = 0.5 * RIDGE * ((beta[1:] - 1.0) ** 2).sum() + 0.5e-4 * beta[0] ** 2
        return float(np.logaddexp(0.0, np.where(confirmed, -z, z)).sum() + ridge)

    best = optimize.minimize(
        loss, [0.0, 1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10}
    ).x
    found = fit(parts, confirmed)
    assert [found.intercept, *found.weights] == pytest.approx(best, abs=1e-3)
    assert (found.errors > 0.05).all()
