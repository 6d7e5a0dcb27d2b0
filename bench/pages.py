"""Server time of the queue and of a case page, at the size that a large platform brings.

``python -m bench.pages [--cases N] [--contacts N] [--visits N] [--home DIR]`` makes N open cases
and one case with N people around it in a database of its own, then opens each page as a signed-in
moderator through the whole of Django (middleware included, network not) and tells the median and
the 95th percentile in milliseconds, what this process worked of it (the rest is the database and,
on a busy machine, waiting for a turn), the number of queries, and the bytes of a first load as a
browser gets them: the page and all that it links to, compressed. ``--profile NAME`` prints where
the time of that page goes instead.

The case is measured twice: as it is when nobody holds it, and as its holder sees it all day, with
the decisions and what would follow from each.
"""

from __future__ import annotations

import argparse
import cProfile
import gzip
import json
import os
import pstats
import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from bench.home import temporary_home
from bench.open_cases import analyse, contribution, new_run, open_cases

START: Final = datetime(2026, 1, 5, 8, tzinfo=UTC)
"""When the first invented contact happens."""

PAGES: Final = (
    "queue",
    "queue_second_page",
    "queue_filtered",
    "queue_fallen",
    "queue_search",
    "case",
    "case_people",
    "case_held",
    "case_held_people",
)

_ASSET: Final = re.compile(r'(?:href|src)="(/static/[^"]+\.(?:css|js|svg))"')


def measure(
    cases: int, contacts: int, visits: int, home: Path, profile: str = ""
) -> dict[str, Any]:
    """Measure with an embedded server of its own under ``home`` (made when missing)."""
    os.environ["SIGHTLINE_HOME"] = str(home)
    os.environ.setdefault("SIGHTLINE_LOG_LEVEL", "WARNING")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import_module("config.wsgi")  # as the web server starts: its garbage collector's settings too
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    from config.commandline import apply_missing_migrations

    apply_missing_migrations()
    call_command("collectstatic", interactive=False, verbosity=0)
    settings.ALLOWED_HOSTS = ["testserver"]
    reference = _make(cases, contacts)
    browser = Client(headers={"Accept-Encoding": "gzip"})  # as a browser asks
    browser.force_login(_moderator())
    case = f"/cases/{reference}/"
    free = {
        "queue": "/queue/",
        "queue_second_page": _second_page(browser),
        "queue_filtered": "/queue/?severity=high",
        "queue_fallen": "/queue/?view=fallen",
        "queue_search": f"/queue/?q={reference}",
        "case": case,
        "case_people": f"{case}?contacts=1",
    }
    held = {"case_held": case, "case_held_people": f"{case}?contacts=1"}
    if profile:
        with _held(reference) if profile in held else nullcontext():
            _profile(browser, (free | held)[profile], visits)
        return {}
    found = {name: _visit(browser, url, visits) for name, url in free.items()}
    with _held(reference):
        found |= {name: _visit(browser, url, visits) for name, url in held.items()}
    return found


def _second_page(browser: Any) -> str:
    queue = gzip.decompress(browser.get("/queue/").content).decode()
    found = re.search(r'rel="next" href="([^"]+)"', queue)
    return found[1].replace("&amp;", "&") if found else "/queue/"


@contextmanager
def _held(reference: str) -> Iterator[None]:
    """The case in the moderator's hands: no visit may take longer than a hold, 20 minutes."""
    from audit.actors import Actor
    from moderation.models import Case
    from moderation.services import claims

    actor, case_id = Actor.of_user(_moderator()), Case.objects.get(reference=reference).pk
    claims.claim(actor=actor, case_id=case_id)
    yield
    claims.release(actor=actor, case_id=case_id)


def _visit(browser: Any, url: str, visits: int) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for _ in range(3):
        first = browser.get(url)
        if first.status_code != 200:
            raise RuntimeError(f"{url} answered {first.status_code}.")
    with CaptureQueriesContext(connection) as queries:
        browser.get(url)
    asked = len(queries)
    times, worked = [], []
    for _ in range(visits):
        start, working = time.perf_counter(), time.process_time()
        browser.get(url)
        times.append((time.perf_counter() - start) * 1000)
        worked.append((time.process_time() - working) * 1000)
    times.sort()
    worked.sort()
    return {
        "median_ms": round(times[len(times) // 2], 1),
        "p95_ms": round(times[int(len(times) * 0.95)], 1),
        "worked_ms": round(worked[len(worked) // 2], 1),
        "queries": asked,
        "page_bytes": len(gzip.decompress(first.content)),
        "first_load_bytes": _first_load(first.content),
    }


def _first_load(content: bytes) -> int:
    """The page as it was sent, and what it links to, compressed as it is sent."""
    from django.contrib.staticfiles import finders

    total = len(content)
    for address in set(_ASSET.findall(gzip.decompress(content).decode())):
        name = re.sub(r"\.[0-9a-f]{12}(\.\w+)$", r"\1", address.removeprefix("/static/"))
        path = finders.find(name)
        if path:
            total += len(gzip.compress(Path(path).read_bytes(), 9))
    return total


def _profile(browser: Any, url: str, visits: int) -> None:
    for _ in range(3):
        browser.get(url)
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(visits):
        browser.get(url)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("cumulative").print_stats(60)


def _moderator() -> Any:
    from staff.models import User

    return User.objects.get(email="bench@team.example")


def _make(cases: int, contacts: int) -> str:
    """Fill the database once; the reference of the case with many people around it."""
    from django.db import transaction

    from accounts.models import ImportBatch
    from audit.actors import Actor
    from moderation.models import Case
    from staff.capabilities import Role
    from staff.models import User
    from staff.services import create_staff

    large = Case.objects.filter(account__account_id="large").values_list("reference", flat=True)
    if not large:
        if not User.objects.filter(email="bench@team.example").exists():
            create_staff(
                actor=Actor.system("command"),
                email="bench@team.example",
                role=Role.MODERATOR,
                password=secrets.token_urlsafe(20),
                name="Bench",
            )
        batch = ImportBatch.objects.create(origin="command", path="", state="done")
        run = new_run()
        with transaction.atomic():
            open_cases(cases, run.pk, batch.pk)
            _large(contacts, batch)
        analyse()
    return str(large.get())


def _large(contacts: int, batch: Any) -> None:
    """One case: half of its people contacted by the account, most of them children."""
    from accounts.models import Account, Event, Tie
    from audit.actors import Actor
    from moderation.models import Case
    from moderation.services import intake, pseudonyms
    from signals.models import Assessment, EvidenceRow

    flagged = Account.objects.create(
        account_id="large", display_name="Large", birth_date="1986-05-17", batch=batch
    )
    people = Account.objects.bulk_create(
        Account(
            account_id=f"p{n}",
            display_name=f"Person {n}",
            birth_date=f"{2010 + n % 4 if n % 3 else 1990}-04-{1 + n % 28:02d}",
            batch=batch,
        )
        for n in range(contacts)
    )
    approached = people[: contacts // 2]
    offers = Event.objects.bulk_create(
        Event(
            event_id=f"o{n}",
            type="Offer",
            actor=flagged,
            object=other,
            published=START + timedelta(hours=2 * n),
            batch=batch,
        )
        for n, other in enumerate(approached)
    )
    Event.objects.bulk_create(
        Event(
            event_id=f"a{n}",
            type="Accept" if n % 3 else "Reject",
            actor=offer.object,
            ref=offer,
            reference=offer.event_id,
            published=offer.published + timedelta(hours=5),
            batch=batch,
        )
        for n, offer in enumerate(offers)
        if n % 5
    )
    ties = [(flagged, other) for other in people[contacts // 2 :]]
    ties += [
        (people[n], people[(n + step) % contacts]) for n in range(contacts) for step in (1, 2, 7)
    ]
    pairs = {(min(a.pk, b.pk), max(a.pk, b.pk)) for a, b in ties}
    Tie.objects.bulk_create(
        Tie(a_id=a, b_id=b, kind="friend", batch=batch) for a, b in sorted(pairs)
    )
    contributions = [
        contribution(name, 40.0 - n) | {"rows": len(offers)}
        for n, name in enumerate(("no_mutuals", "refused", "burst", "volume", "spread", "persists"))
    ]
    for _ in range(11):
        earlier = new_run()
        Assessment.objects.create(
            run=earlier, account=flagged, points=300, flagged=True, groups=2, minors=600,
            stretch="all", contributions=contributions,
        )  # fmt: skip
    last = new_run()
    found = Assessment.objects.create(
        run=last, account=flagged, points=640, flagged=True, groups=3, minors=600, stretch="all",
        contributions=contributions,
    )  # fmt: skip
    EvidenceRow.objects.bulk_create(
        EvidenceRow(
            assessment=found,
            indicator=one["indicator"],
            event=offer,
            target=offer.object,
            at=offer.published,
            counted=True,
            facts={"kind": "offer", "outcome": "accepted", "m": 0},
        )
        for one in contributions
        for offer in offers
    )
    intake.open_cases(last, Actor.system("worker"))
    case = Case.objects.filter(account=flagged).first()
    if case is None:
        raise RuntimeError("The large case was not opened.")
    pseudonyms.keep(actor=Actor.system("worker"), case_id=case.pk)  # as within a minute of opening


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--contacts", type=int, default=2_000)
    parser.add_argument("--visits", type=int, default=60)
    parser.add_argument("--home", type=Path, help="a folder for the database; default: temporary")
    parser.add_argument("--profile", choices=PAGES, default="")
    options = parser.parse_args()
    given = (options.cases, options.contacts, options.visits)
    if options.home is not None:
        result = measure(*given, options.home.resolve(), options.profile)
    else:
        with temporary_home() as home:
            result = measure(*given, home, options.profile)
    if result:
        json.dump(result, sys.stdout, indent=1)
        print()


if __name__ == "__main__":
    main()
