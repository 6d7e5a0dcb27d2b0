"""The same run twice, and a run that is killed."""

from __future__ import annotations

import os
import signal
from multiprocessing import get_context
from typing import Any

import pytest
from django.db import connection, connections

from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case
from moderation.services import claims, intake
from signals.models import Run
from staff.models import User
from tests.moderation import factories
from tests.moderation.sql import intruding

pytestmark = pytest.mark.django_db


def take_in(run: Run) -> tuple[int, int]:
    return intake.open_cases(run, Actor.system("worker"))


def take_in_afresh(run: Run) -> None:
    """In a process of its own, over a connection of its own.

    Where a browser runs beside the tests Django keeps two connections a thread, and a forked
    process finds the one that its parent has not closed. It is left alone: it is the parent's.
    """
    inherited, connection.connection = connection.connection, None
    take_in(run)
    del inherited


def everything() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Case, Entry)]


def test_the_same_run_twice_changes_nothing(moderator: User) -> None:
    run = factories.run()
    for points in (110.0, 170.0, 280.0):
        factories.assessment(in_run=run, points=points)
    assert take_in(run) == (3, 0)
    claims.claim_next(actor=Actor.of_user(moderator))
    before = everything()
    assert take_in(run) == (0, 0)
    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_an_intake_killed_after_its_writing_leaves_nothing_and_the_next_completes() -> None:
    known = factories.case(points=120.0)
    run = factories.run()
    for _ in range(30):
        factories.assessment(in_run=run)
    factories.assessment(known.account, in_run=run, points=190.0)
    before = everything()
    connections.close_all()
    with intruding("superuser") as superuser:
        # The lock that every transaction takes before it writes entries, as its last step.
        superuser.run("LOCK TABLE audit_entry IN EXCLUSIVE MODE")
        child = get_context("fork").Process(target=take_in_afresh, args=(run,))
        child.start()
        assert child.pid is not None
        superuser.wait_until_blocked()
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        assert child.exitcode == -signal.SIGKILL
    assert everything() == before
    assert take_in(run) == (30, 1)
    assert Case.objects.count() == 31
    assert Entry.objects.filter(verb="case.open").count() == 31
    assert take_in(run) == (0, 0)
