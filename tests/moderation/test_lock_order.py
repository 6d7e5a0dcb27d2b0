"""Nobody who holds the audit trail waits for a row whose holder waits for the trail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.db import connection

from audit import services as audit
from audit.actors import Actor
from moderation.models import BulkJob, Case
from moderation.services import bulk_decisions, decisions
from staff import services as staff
from staff.models import User
from tests.moderation import factories
from tests.support.databases import connect_as

pytestmark = pytest.mark.django_db(transaction=True)

Call = Callable[[], Any]


@contextmanager
def _trail_held() -> Iterator[None]:
    """Nobody else can add an entry until the block ends."""
    with closing(connect_as("app")) as other, other.cursor() as cursor:
        other.autocommit = False
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [audit._LOCK])
        yield
        other.rollback()


def _until_waiting(number: int) -> None:
    """Until so many of this database's connections wait for a lock."""
    with closing(connect_as("app")) as other, other.cursor() as cursor:
        for _ in range(200):
            cursor.execute(
                "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND pid IN"
                " (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
            )
            if cursor.fetchone() == (number,):
                return
            time.sleep(0.02)
    raise AssertionError(f"{number} connections should wait for a lock by now.")


def _one_after_the_other(first: Call, second: Call) -> None:
    """Let both go as far as they can without the trail, in this order, and then end."""

    def run(call: Call) -> None:
        try:
            call()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        done: list[Future[None]] = []
        with _trail_held():
            for number, call in enumerate((first, second), start=1):
                done.append(pool.submit(run, call))
                _until_waiting(number)
        for future in done:
            future.result(timeout=20)


def test_a_decision_and_the_end_of_the_person_s_access(moderator: User, admin: User) -> None:
    case = factories.held(moderator)
    _one_after_the_other(
        lambda: decisions.add_note(actor=Actor.of_user(moderator), case_id=case.pk, text="Seen."),
        lambda: staff.deactivate(actor=Actor.of_user(admin), user_id=moderator.pk),
    )
    moderator.refresh_from_db()
    assert (case.notes.count(), moderator.is_active) == (1, False)


def test_several_cases_asked_for_and_a_note_on_one_of_them(
    moderator: User, moderator2: User
) -> None:
    case: Case = factories.case()
    _one_after_the_other(
        lambda: bulk_decisions.ask(
            actor=Actor.of_user(moderator),
            verb="dismiss",
            versions={case.pk: case.version},
            reason="family",
            note="Cousins.",
        ),
        lambda: decisions.add_note(actor=Actor.of_user(moderator2), case_id=case.pk, text="Seen."),
    )
    assert (case.notes.count(), BulkJob.objects.count()) == (1, 1)
