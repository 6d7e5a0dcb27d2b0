"""The embedded database killed in the middle of a run, on the command line, as a user would."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from tests.support.processes import folder_of_its_own

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def home() -> Iterator[Path]:
    if not settings.EMBEDDED:
        pytest.skip("DATABASE_URL is set: only a database of our own may be killed")
    with folder_of_its_own() as folder:
        yield folder / "home"


def environment(home: Path) -> dict[str, str]:
    others = {
        name: value for name, value in os.environ.items() if not name.startswith("SIGHTLINE_")
    }
    return others | {"SIGHTLINE_HOME": str(home), "DJANGO_SETTINGS_MODULE": "config.settings"}


def manage(home: Path, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=REPOSITORY,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_same_command_brings_the_run_to_its_end(home: Path, tmp_path: Path) -> None:
    call_command("simulate", tmp_path / "in", accounts=400, seed=5, verbosity=0)
    manage(home, "import_graph", tmp_path / "in")

    process = subprocess.Popen(
        [sys.executable, "manage.py", "compute_indicators"],
        cwd=REPOSITORY,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Counting friends in common"):
            break
    postmaster = home / "postgres" / "data" / "postmaster.pid"
    os.kill(int(postmaster.read_text().split()[0]), signal.SIGKILL)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 1
    assert "The database went away in the middle of run 1" in said.splitlines()[-1]
    assert "Traceback" not in said

    answer = json.loads(manage(home, "compute_indicators", "--json").splitlines()[-1])
    assert (answer["run"], answer["unchanged"]) == (1, False)
    manage(home, "export_scores", tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(newline="") as file:
        accounts = [row["account_id"] for row in csv.DictReader(file)]
    assert len(accounts) == len(set(accounts)) == answer["assessed"] > 0
