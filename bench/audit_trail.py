"""Verification of a long audit trail: seconds and memory, with progress.

``python -m bench.audit_trail [--entries 1000000] [--checkpoint 50000] [--home DIR]`` writes entries
as services write them, with a signed checkpoint every so many, into a database of its own, and
then verifies the whole trail in a process of its own, as ``verify_audit`` does. One JSON tells
seconds, entries a second, and the most memory that the verifying process held (PostgreSQL's own is
not in it). A home that holds a trail already is written on to the number asked for.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from bench.home import prepare, temporary_home
from bench.machine import describe
from bench.memory import peak

_TOGETHER: Final = 500
"""Entries of one transaction."""

_VERBS: Final = ("case.claim", "case.dismiss", "case.renew", "case.release", "case.escalate")


def measure(entries: int, every: int, home: Path) -> dict[str, Any]:
    """Write and verify with a database under ``home`` (made when missing)."""
    prepare(home)
    machine = describe()
    start = time.perf_counter()
    written = _write(entries, every)
    writing = time.perf_counter() - start
    command = [sys.executable, "-m", "bench.audit_trail", "--verify", "--home", str(home)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    verified = dict(json.loads(done.stdout.splitlines()[-1]))
    return {
        "machine": machine,
        "written": written,
        "seconds_writing": round(writing, 1),
        **verified,
        "entries_a_second": round(verified["entries"] / verified["seconds_verifying"]),
    }


def verify(home: Path) -> dict[str, Any]:
    """Verify the trail under ``home`` in this process, which has done nothing else."""
    prepare(home)
    from audit.models import Checkpoint
    from audit.verify import verify_trail

    before = peak()
    start = time.perf_counter()
    result = verify_trail(_tell)
    return {
        "entries": result.entries,
        "ok": result.ok,
        "problem": result.problem,
        "checkpoints": Checkpoint.objects.count(),
        "seconds_verifying": round(time.perf_counter() - start, 2),
        "memory_before_bytes": before,
        "memory_peak_bytes": peak(),
    }


def _write(entries: int, every: int) -> int:
    """Entries up to the number asked for; how many were added."""
    from django.db import transaction

    from audit.actors import Actor
    from audit.checkpoints import make_checkpoint
    from audit.models import Entry
    from audit.services import Draft, record_all

    people = [Actor(label=f"staff:{n} Moderator {n}", role="moderator") for n in range(1, 51)]
    system = Actor.system("worker")
    last = Entry.objects.order_by("-number").values_list("number", flat=True).first() or 0
    first, due = last, last + every
    while last < entries:
        together = min(_TOGETHER, entries - last)
        drafts = [
            Draft(
                verb=_VERBS[n % len(_VERBS)],
                target=f"case:SL-2026-{n // 5:06d}",
                before={"state": "open", "holder_id": None},
                after={"state": "in_review", "version": n % 9 + 1, "points": 130.5 + n % 300},
                reason="ordinary_behaviour" if n % 5 == 1 else "",
            )
            for n in range(last, last + together)
        ]
        with transaction.atomic():
            written = record_all(actor=people[last // _TOGETHER % len(people)], drafts=drafts)
        last = written[-1].number
        if last >= due:
            make_checkpoint(actor=system)
            last, due = last + 1, last + every  # a checkpoint is an entry too
            print(f"{last:,} entries written", file=sys.stderr, flush=True)
    return last - first


def _tell(done: int, total: int) -> None:
    if done % 100_000 == 0:
        print(f"{done:,} of {total:,} entries verified", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--checkpoint", type=int, default=50_000, help="entries between two")
    parser.add_argument("--home", type=Path, help="a folder for the database; default: temporary")
    parser.add_argument("--verify", action="store_true", help="verify only, what --home holds")
    options = parser.parse_args()
    if options.verify and options.home is None:
        parser.error("--verify needs --home")
    if options.verify:
        result = verify(options.home.resolve())
    elif options.home is not None:
        result = measure(options.entries, options.checkpoint, options.home.resolve())
    else:
        with temporary_home() as home:
            result = measure(options.entries, options.checkpoint, home)
    json.dump(result, sys.stdout, indent=None if options.verify else 1)
    print()


if __name__ == "__main__":
    main()
