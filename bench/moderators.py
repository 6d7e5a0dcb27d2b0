"""A whole team at work: how fast pages answer under load, and whether anything is lost or doubled.

``python -m bench.moderators [--people 50] [--cases 10000] [--minutes 5] [--think 5]`` makes open
cases in a database of its own, starts workers, scheduler and web server as ``make demo`` does, and
lets people sign in and work through the pages over HTTP: open the queue, take the next case (or
race others for the first one in the list), read it, type a draft, decide, go on. Between two steps
each thinks for the given seconds on average. It prints one JSON: page times in milliseconds, from
the request to the last byte, by page; what the audit trail says of decisions and claims (none may
be doubled); drafts and notes that were acknowledged and are not there (none may be); answers that
nobody expected; and processor seconds, this client's own among them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from bench.home import prepare, temporary_home
from bench.machine import describe
from bench.moderator import Book, Person
from bench.open_cases import analyse, new_run, open_cases, surround

CONTACTS: Final = 12
"""Children around each flagged account."""

_SIGNING_IN_AT_ONCE: Final = 4
_READY: Final = 60.0


def measure(people: int, cases: int, minutes: float, think: float, home: Path) -> dict[str, Any]:
    """Measure with everything under ``home`` (made when missing)."""
    # As behind a proxy, so that each person comes from an address of their own.
    os.environ["SIGHTLINE_BEHIND_PROXY"] = "1"
    prepare(home)
    _say(f"Making {cases:,} cases and {people} people.")
    password = secrets.token_urlsafe(20)
    staff = _make(people, cases, password)
    with _served(home) as (address, processes):
        machine = describe()
        book = asyncio.run(
            _work(address, staff, password, minutes * 60, think, lambda: _processor(processes))
        )
    return {
        "machine": machine,
        "people": people,
        "cases": cases,
        "minutes": minutes,
        "think_seconds": think,
        **_pages(book, minutes * 60),
        "unexpected_answers": dict(book.unexpected),
        "races_lost": book.races_lost,
        "processor_seconds": book.processor,
        **_trail(book),
    }


def _make(people: int, cases: int, password: str) -> list[str]:
    from django.core.management import call_command
    from django.db import transaction

    from accounts.models import ImportBatch
    from audit.actors import Actor
    from moderation.services import pseudonyms
    from staff.capabilities import Role
    from staff.services import create_staff

    call_command("collectstatic", interactive=False, verbosity=0)
    staff = [f"m{number}@team.example" for number in range(people)]
    for number, email in enumerate(staff):
        create_staff(
            actor=Actor.system("command"),
            email=email,
            role=Role.MODERATOR,
            password=password,
            name=f"Moderator {number}",
        )
    batch = ImportBatch.objects.create(origin="command", path="", state="done")
    with transaction.atomic():
        open_cases(cases, new_run().pk, batch.pk)
        surround(CONTACTS, batch.pk)
    analyse()
    _say("Keeping the names by which the cases call people, as within minutes of opening.")
    while pseudonyms.keep_new(actor=Actor.system("worker")):
        pass
    analyse()
    return staff


@contextmanager
def _served(home: Path) -> Iterator[tuple[str, dict[str, list[int]]]]:
    """Everything that ``make demo`` runs; its address, and the processes by what they do."""
    from django.db import connection

    demo = import_module("config.demo")
    embedded = import_module("config.embedded")
    supervisors = import_module("config.supervisor")
    connection.close()
    (home / "demo").mkdir(exist_ok=True)
    supervisor = supervisors.Supervisor(_say, home / "demo" / "processes")
    with socket.socket() as listener:
        listener.bind((demo.HOST, 0))
        listener.listen(64)
        address = f"http://{demo.HOST}:{listener.getsockname()[1]}"
        processes: dict[str, list[int]] = {"database": [embedded.EmbeddedServer.at(home).pid()]}
        try:
            for child in demo.children(listener, home):
                supervisor.start(child)
                processes[child.name] = [child.process.pid]
            _wait(address)
            yield address, processes
        finally:
            supervisor.stop()


def _wait(address: str) -> None:
    until = time.monotonic() + _READY
    while time.monotonic() < until:
        try:
            if httpx.get(f"{address}/readyz", trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise RuntimeError("The web server does not answer; its log is logs/web.log in the home.")


async def _work(
    address: str, staff: list[str], password: str, seconds: float, think: float, processor: Any
) -> Book:
    book = Book()
    people = [Person(n, email, address, book, think) for n, email in enumerate(staff)]
    doors = asyncio.Semaphore(_SIGNING_IN_AT_ONCE)

    async def enter(person: Person) -> None:
        async with doors:
            await person.sign_in(password)

    _say("Signing in.")
    await asyncio.gather(*(enter(person) for person in people))
    book.begin()
    before, until = processor(), time.monotonic() + seconds
    _say(f"Working for {seconds:.0f} s.")
    await asyncio.gather(*(person.work(until) for person in people))
    after = processor()
    book.processor = {name: round(after[name] - before[name], 1) for name in after}
    for person in people:
        await person.leave()
    return book


def _processor(processes: dict[str, list[int]]) -> dict[str, float]:
    """Processor seconds so far, children included, by what the processes do."""
    used = {"this client": sum(psutil.Process().cpu_times()[:2])}
    for name, roots in processes.items():
        used[name] = 0.0
        for root in roots:
            for process in (psutil.Process(root), *psutil.Process(root).children(recursive=True)):
                try:
                    times = process.cpu_times()
                except psutil.NoSuchProcess:
                    continue
                used[name] += times.user + times.system
    return used


def _pages(book: Book, seconds: float) -> dict[str, Any]:
    everything = sorted(time for times in book.times.values() for time in times)
    return {
        "requests": len(everything),
        "requests_a_second": round(len(everything) / seconds, 1),
        "all_pages_ms": _told(everything),
        "pages_ms": {name: _told(sorted(times)) for name, times in sorted(book.times.items())},
        "signing_in_ms": _told(sorted(book.before)),
    }


def _told(times: list[float]) -> dict[str, Any]:
    if not times:
        return {"number": 0}
    last = len(times) - 1
    at = {share: times[min(last, len(times) * share // 100)] for share in (50, 95, 99)}
    return {"number": len(times)} | {f"p{share}": round(ms, 1) for share, ms in at.items()}


def _trail(book: Book) -> dict[str, Any]:
    """What the audit trail and the tables say of all this."""
    from audit.models import Entry
    from audit.verify import verify_trail
    from moderation.models import Decision, Draft

    decided = [f"case.{verb}" for verb in ("dismiss", "monitor", "escalate")]
    holding, doubled_claims, decisions = set(), 0, Counter[str]()
    entries = Entry.objects.filter(verb__in=[*decided, "case.claim", "case.release"])
    told: Counter[tuple[str, str, str]] = Counter()
    for target, verb, actor in entries.order_by("number").values_list("target", "verb", "actor"):
        if verb == "case.claim":
            doubled_claims += target in holding
            holding.add(target)
        else:
            holding.discard(target)
        if verb in decided:
            decisions[target] += 1
            told[target, verb, actor.partition(" ")[2]] += 1
    notes = {
        (case, by): note
        for case, by, note in Decision.objects.values_list("case__reference", "by__email", "note")
    }
    drafts = {
        (case, by): words.get("note", "")
        for case, by, words in Draft.objects.values_list("case__reference", "by__email", "words")
    }
    acknowledged = Counter(
        (f"case:{d.reference}", f"case.{d.verb}", d.name) for d in book.decisions
    )
    lost_notes = sum(notes.get((d.reference, d.email)) != d.note for d in book.decisions)
    lost_drafts = sum(drafts.get(where) != note for where, note in book.drafts.items())
    verified = verify_trail()
    return {
        "decisions": sum(decisions.values()),
        "double_decisions": sum(number > 1 for number in decisions.values()),
        "double_claims": doubled_claims,
        "decisions_acknowledged_and_not_in_the_trail": sum((acknowledged - told).values()),
        "decisions_in_the_trail_and_not_acknowledged": sum((told - acknowledged).values()),
        "notes_lost": lost_notes,
        "drafts_acknowledged": book.drafts_kept,
        "drafts_lost": lost_drafts + book.drafts_not_shown,
        "audit_trail": {"entries": verified.entries, "ok": verified.ok},
    }


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--think", type=float, default=5.0, help="seconds, on average")
    parser.add_argument("--home", type=Path, help="an empty folder for it; default: temporary")
    options = parser.parse_args()
    given = (options.people, options.cases, options.minutes, options.think)
    if options.home is not None:
        result = measure(*given, options.home.resolve())
    else:
        with temporary_home() as home:
            result = measure(*given, home)
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
