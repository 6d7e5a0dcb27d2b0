"""A full run on a simulated community: seconds by stage, cases, and the most memory held.

The database is filled first, with its indexes (``bench.loading``); then a process of its own takes
the snapshot, computes, stores and opens the cases, as ``compute_indicators --full`` does. Its
memory is told by stage; PostgreSQL's own is not counted. Then ``bench.one_event`` on top.

``python -m bench.full_run --home DIR --accounts N`` measures one size by itself, and
``--only-run`` again on the database that stands there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from bench.community import written
from bench.home import prepare, temporary_home
from bench.memory import peak, reset_peak

SMALL: Final = 2_000


def measure(accounts: int, data: Path) -> dict[str, Any]:
    """A community of so many accounts from ``data`` (made there when missing), in a new database.

    The database is removed again.
    """
    written(data / f"community-{accounts}", accounts)
    folder = str(data / f"community-{accounts}")
    with temporary_home() as home:
        found = _child("full_run", "--home", str(home), "--folder", folder)
        return found | {"one_event": _child("one_event", "--home", str(home))}


def compile_kernels(data: Path) -> None:
    """Run a small community once, so that compiling, once an installation, is in no figure."""
    folder = data / f"community-{SMALL}"
    written(folder, SMALL)
    with temporary_home() as home:
        _child("full_run", "--home", str(home), "--folder", str(folder))


def _child(module: str, *arguments: str) -> dict[str, Any]:
    """What a module prints in a process of its own, whose memory holds nothing else."""
    command = [sys.executable, "-m", f"bench.{module}", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def fill(home: Path, folder: Path) -> dict[str, Any]:
    """Fill a new database under ``home``."""
    prepare(home)
    from bench.loading import fill as load

    start = time.perf_counter()
    rows = load(home, folder)
    return {"rows": rows, "filling": round(time.perf_counter() - start, 1)}


def run(home: Path) -> dict[str, Any]:
    """One full run on the database under ``home``, in this process."""
    prepare(home)
    from audit.actors import Actor
    from signals import runner
    from signals.services import start_run

    actor = Actor.system("command")
    started = start_run(actor=actor, trigger="command", full=True, enqueue=False)
    peaks: dict[str, int] = {}
    stage = "start"

    def follow(name: str, _share: float) -> None:
        nonlocal stage
        peaks[stage] = max(peaks.get(stage, 0), peak())
        if name != stage:
            stage = name
            reset_peak()

    start = time.perf_counter()
    done = runner.execute(started.pk, follow, actor=actor)
    seconds = time.perf_counter() - start
    follow(stage, 1.0)
    if done.state != done.State.DONE:
        raise RuntimeError(f"The run ended as {done.state}: {done.error}")
    return {
        "seconds": {**done.seconds, "total": round(seconds, 2)},
        "engine_seconds": done.figures["engine_seconds"],
        "accounts": done.accounts,
        "contacts": done.contacts,
        "assessed": done.assessed,
        "flagged": done.flagged,
        "cases_opened": done.cases_opened,
        "peak_bytes": max(peaks.values()),
        "peak_bytes_by_stage": peaks,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the folder of the database")
    parser.add_argument("--folder", type=Path, help="import files in Parquet to fill it from")
    parser.add_argument("--accounts", type=int, help="make such a community under HOME first")
    parser.add_argument("--only-run", action="store_true", help="the database is filled already")
    options = parser.parse_args()
    home, folder = options.home.resolve(), options.folder
    if options.only_run:
        print(json.dumps(run(home)))
        return
    if folder is None:
        folder = home / "community"
        written(folder, options.accounts or 100_000)
    filled = fill(home, folder)
    print(json.dumps(filled | _child("full_run", "--home", str(home), "--only-run")))


if __name__ == "__main__":
    main()
