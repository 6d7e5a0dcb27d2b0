"""One event to its case, as a platform sends it: from ``POST /api/v1/events``, by a warm worker.

``python -m bench.posted_event --home DIR`` measures on a database that stands there and holds a
complete run. Each event is a friend request by an account with an open case to a child that it
has not turned to before, one at a time. The worker is a process of its own, as ``make demo`` runs
one; the request goes through the whole of Django, without a socket. The database holds some events
and a changed case more afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import psutil

from bench.home import prepare

EVENTS: Final = 20
PATIENCE: Final = 120.0
"""Seconds until a case must have changed, also for the first event, which warms the worker."""

_POLL: Final = 0.005


def measure(home: Path, events: int = EVENTS) -> dict[str, Any]:
    """Seconds from the request to the case on a database under ``home`` with a complete run.

    ``p50``, ``p95``, ``most`` and ``each``; ``computed``: the part that the update itself took
    (median); ``processor``: processor seconds of the worker an event, which say what a machine
    that does nothing else would need; ``accounts``: in the database. Raises RuntimeError where
    there is no complete run
    that updates can follow, or no case.
    """
    command = [sys.executable, "-m", "bench.posted_event", "--home", str(home)]
    done = subprocess.run(
        [*command, "--events", str(events)], check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def _worker(log: Path) -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "celery", "--app", "config.celery", "worker", "-Q", "prompt"]
    quiet = ["--pool", "solo", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    with log.open("ab") as output:
        process = subprocess.Popen([*command, *quiet], stdout=output, stderr=subprocess.STDOUT)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run(home: Path, events: int) -> dict[str, Any]:
    """The measurement itself, in this process."""
    prepare(home)
    from accounts.models import Account
    from signals.selectors import latest_run
    from signals.services.prompt import enabled
    from signals.storage import priors_folder

    base = latest_run()
    if base is None or not enabled() or not priors_folder(base.pk).exists():
        raise RuntimeError(f"{home} holds no complete run that updates can follow.")
    pairs = _pairs(events + 1)
    with _Sender() as sender, _worker(home / "posted_event.log") as worker:
        _timed(sender, pairs[0])
        before = sum(worker.cpu_times()[:2])
        found = [_timed(sender, pair) for pair in pairs[1:]]
        busy = sum(worker.cpu_times()[:2]) - before
    seconds = [second for second, _ in found]
    return {
        "accounts": Account.objects.count(),
        "p50": round(statistics.median(seconds), 3),
        "p95": round(statistics.quantiles(seconds, n=20, method="inclusive")[-1], 3),
        "most": round(max(seconds), 3),
        "processor": round(busy / len(found), 3),
        "computed": round(statistics.median(computed for _, computed in found), 3),
        "each": [round(second, 3) for second in seconds],
    }


def _pairs(count: int) -> list[tuple[str, str]]:
    """Accounts with a live case, and for each a child that it has not turned to."""
    from django.db import connection

    from moderation.models import Case

    cases = (
        Case.objects.filter(state="open").order_by("-points").values_list("account_id", flat=True)
    )
    wanted = list(cases[:count])
    if not wanted:
        raise RuntimeError("There is no open case.")
    wanted = (wanted * (count // len(wanted) + 1))[:count]
    query = """
        SELECT actor.account_id, child.account_id
        FROM accounts_account actor
        CROSS JOIN LATERAL (
            SELECT child.account_id FROM accounts_account child
            WHERE child.id > %s AND NOT child.provisional AND child.status = 'active'
              AND child.birth_date > now() - interval '16 years'
              AND NOT EXISTS (SELECT 1 FROM accounts_event
                              WHERE actor_id = actor.id AND object_id = child.id)
              AND NOT EXISTS (SELECT 1 FROM accounts_event
                              WHERE actor_id = child.id AND object_id = actor.id)
            ORDER BY child.id LIMIT 1
        ) child
        WHERE actor.id = %s
    """
    most = Case.objects.order_by("-account_id").values_list("account_id", flat=True)[0]
    found = []
    with connection.cursor() as cursor:
        for place, account in enumerate(wanted):
            cursor.execute(query, [place * most // (count + 1), account])
            found += cursor.fetchall()
    return found


class _Sender:
    """Sends events as a platform does, with a key of its own that ends with the measurement."""

    def __enter__(self) -> Self:
        from rest_framework.test import APIClient

        from audit.actors import Actor
        from staff.scopes import Scope
        from staff.services.keys import create_api_key

        self._actor = Actor.system("command")
        name = f"bench {os.getpid()} {time.time_ns()}"
        self._key = create_api_key(actor=self._actor, name=name, scopes=[Scope.GRAPH_WRITE], days=1)
        self._client = APIClient(SERVER_NAME="localhost")
        self._client.credentials(HTTP_AUTHORIZATION=f"Bearer {self._key.secret}")
        return self

    def __exit__(self, *_: object) -> None:
        from signals.models import Run
        from signals.services import cancel_run
        from staff.services.keys import revoke_api_key

        revoke_api_key(actor=self._actor, key_id=self._key.key.pk)
        # the run that follows the imports is not part of this
        for waiting in Run.objects.filter(state="queued"):
            cancel_run(actor=self._actor, run_id=waiting.pk)

    def send(self, actor: str, child: str) -> None:
        """A friend request now."""
        from django.utils import timezone

        event = {
            "event_id": f"bench-{time.time_ns()}",
            "type": "Offer",
            "actor": actor,
            "object": child,
            "published": timezone.now().isoformat(),
        }
        answer = self._client.post("/api/v1/events", [event], format="json")
        if answer.status_code != 202 or answer.json()["accepted"] != 1:
            raise RuntimeError(f"The event was not taken: {answer.status_code} {answer.content!r}")


def _timed(sender: _Sender, pair: tuple[str, str]) -> tuple[float, float]:
    """Seconds until the account's case shows the event, and those that the update took."""
    from moderation.models import Case

    case = Case.objects.filter(account__account_id=pair[0]).latest("id")
    start = time.perf_counter()
    sender.send(*pair)
    while time.perf_counter() - start < PATIENCE:
        now = (
            Case.objects.select_related("assessment__run")
            .only("version", "assessment__run__seconds")
            .get(pk=case.pk)
        )
        if now.version != case.version:
            return time.perf_counter() - start, now.assessment.run.seconds["total"]
        time.sleep(_POLL)
    raise RuntimeError(f"The case did not change within {PATIENCE:.0f} s.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--events", type=int, default=EVENTS)
    options = parser.parse_args()
    print(json.dumps(run(options.home.resolve(), options.events)))


if __name__ == "__main__":
    main()
