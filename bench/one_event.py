"""One new event until the score and the case of its account are up to date.

On a database that holds a complete run: a platform sends one friend request of an account with a
case, by an import of one row; a worker that stands ready then brings the account up to date. Each
step is timed in one process, without the queue between them, whose delay is below 0.1 s.

``python -m bench.one_event --home DIR`` measures on the database under DIR.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from bench.home import prepare
from bench.memory import peak

EVENTS: Final = 24


def measure(home: Path, events: int = EVENTS) -> dict[str, Any]:
    """Seconds of so many events, one after the other: median, 95th percentile and longest."""
    prepare(home)
    from django.db.models import Max

    from accounts.models import Account, Event
    from moderation.models import Case
    from signals.prompt.update import warm_up

    start = time.perf_counter()
    if not warm_up():
        raise RuntimeError("There is no complete run that an update could lie over.")
    warming = time.perf_counter() - start
    cases = list(Case.objects.select_related("account").order_by("-points", "pk")[: 2 * events])
    people = Account.objects.filter(provisional=False).order_by("-pk")
    strangers = people.filter(birth_date__year__gte=2010)[:events]
    last = Event.objects.aggregate(last=Max("published"))["last"]
    seconds: dict[str, list[float]] = {"import": [], "update": [], "total": []}
    changed = 0
    busy = -time.process_time()
    for number, (case, stranger) in enumerate(zip(cases[::2], strangers, strict=False)):
        before = case.assessment_id
        file = home / f"event-{number}.csv"
        file.write_text(
            "event_id,type,actor,object,published\n"
            f"bench-{time.time_ns()},Offer,{case.account.account_id},{stranger.account_id},"
            f"{last + timedelta(minutes=number + 1):%Y-%m-%dT%H:%M:%SZ}\n",
            "utf-8",
        )
        spent = _send(file)
        for name, value in spent.items():
            seconds[name].append(value)
        case.refresh_from_db()
        changed += case.assessment_id != before
        file.unlink()
    busy += time.process_time()
    return {
        "events": len(seconds["total"]),
        "cases_changed": changed,
        "warming_up": round(warming, 2),
        "median_seconds": {name: round(statistics.median(x), 3) for name, x in seconds.items()},
        "p95_seconds": {name: round(_p95(x), 3) for name, x in seconds.items()},
        "longest_seconds": {name: round(max(x), 3) for name, x in seconds.items()},
        "processor_seconds": round(busy / len(seconds["total"]), 3),
        "peak_bytes": peak(),
    }


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def _send(file: Path) -> dict[str, float]:
    from accounts.imports.run import run_batch
    from accounts.models import ImportBatch
    from accounts.services import create_batch
    from audit.actors import Actor
    from signals.prompt.update import prompt_update

    start = time.perf_counter()
    batch = create_batch(
        actor=Actor.system("command"), origin=ImportBatch.Origin.COMMAND, path=file
    )
    batch = run_batch(batch.pk)
    imported = time.perf_counter()
    if batch.accepted_events != 1:
        raise RuntimeError("The event was not taken in.")
    if prompt_update(actor=Actor.system("worker"), batch_id=batch.pk) is None:
        raise RuntimeError("The update was left to the next run.")
    done = time.perf_counter()
    return {"import": imported - start, "update": done - imported, "total": done - start}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.one_event", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the folder of the database")
    options = parser.parse_args()
    print(json.dumps(measure(options.home.resolve())))


if __name__ == "__main__":
    main()
