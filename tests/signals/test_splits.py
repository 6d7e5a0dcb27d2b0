"""However the data comes in pieces, the last run says what one run over everything says."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command

from audit.actors import Actor
from signals import runner
from signals.engine import run as engine
from signals.selectors import latest_scores
from signals.services import start_run
from signals.simulate import SimulationSettings, simulate
from signals.simulate.raw import to_raw_graph
from signals.spec import KEYS, ThresholdSpec

COMMAND = Actor.system("command")
SETTINGS = SimulationSettings(accounts=500, prevalence=0.02, seed=11)
PIECES = 3


def pieces(rows: Path, folder: Path, order: random.Random) -> list[Path]:
    """The rows of all three files dealt out at random, each piece in an order of its own."""
    made = [folder / f"piece{number}" for number in range(PIECES)]
    for piece in made:
        piece.mkdir()
    for name in ("accounts", "ties", "events"):
        with (rows / f"{name}.csv").open(newline="") as file:
            header, *lines = list(csv.reader(file))
        order.shuffle(lines)
        cuts = sorted(order.sample(range(len(lines)), PIECES - 1))
        for piece, first, last in zip(made, [0, *cuts], [*cuts, len(lines)], strict=True):
            with (piece / f"{name}.csv").open("w", newline="") as file:
                csv.writer(file).writerows([header, *lines[first:last]])
    return made


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", [1])
def test_any_split_in_any_order_ends_in_the_same_values(seed: int, tmp_path: Path) -> None:
    call_command(
        "simulate",
        str(tmp_path / "rows"),
        accounts=SETTINGS.accounts,
        prevalence=SETTINGS.prevalence,
        seed=SETTINGS.seed,
    )
    with (tmp_path / "rows/accounts.csv").open(newline="") as file:
        name = {number: row["account_id"] for number, row in enumerate(csv.DictReader(file), 1)}
    whole = engine.run(to_raw_graph(simulate(SETTINGS)), ThresholdSpec()).scores.to_pylist()

    for number, piece in enumerate(pieces(tmp_path / "rows", tmp_path, random.Random(seed))):
        with pytest.raises(SystemExit) as ended:
            call_command("import_graph", str(piece))
        assert ended.value.code == 0
        if number != PIECES - 2:  # a run between the imports, too, and one at the end
            run = start_run(actor=COMMAND, trigger="command", enqueue=False)
            runner.execute(run.pk, actor=COMMAND)

    found = {row["account_id"]: row for row in latest_scores().to_pylist()}
    assert found.keys() == {name[row["account"]] for row in whole}
    figures = [f"{key}_{figure}" for key in KEYS for figure in ("llr", "k", "n")]
    for expected in whole:
        row = found[name[expected["account"]]]
        assert (row["rank"], row["flagged"]) == (expected["rank"], expected["flagged"])
        for key in ("points", *figures):
            if expected[key] is None:
                assert row[key] is None, key
            else:
                assert row[key] == pytest.approx(expected[key], rel=1e-9, abs=1e-9), key
    assert any(row["flagged"] for row in whole)
    assert np.isfinite([row["points"] for row in whole]).all()
