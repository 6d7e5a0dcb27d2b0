"""Runs whose process died: put back, given up, or cancelled. The kills are in ``test_crashes``."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from signals import runner, tasks
from signals.attempt import RunLock
from signals.models import Run, Score
from signals.services import (
    cancel_run,
    release_dead_runs,
)
from signals.services.runs import MAX_ATTEMPTS
from staff.models import User
from tests.signals.graphs import Graph, day, school, two_indicators
from tests.signals.running import COMMAND, compute, start

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def graph() -> Graph:
    two_indicators()
    return school()


def dead(**given: Any) -> Run:
    """A run as a killed process leaves it."""
    values = {"trigger": "command", "state": "running", "attempts": 1, "stage": "indicators"}
    return Run.objects.create(started_at=timezone.now(), **(values | given))


def test_the_sweep_puts_a_dead_run_back(graph: Graph) -> None:
    run = dead()
    Score.objects.create(
        run=run, account=graph.accounts["mallory"], points=1, rank=1, flagged=False, groups=0,
        minors=0, stretch="all", points_without_private_fast=1, age_check=False,
        recorded_minor=False, exempt=False, llr=[], k=[], n=[],
    )  # fmt: skip
    assert release_dead_runs(actor=COMMAND) == [run.pk]
    run.refresh_from_db()
    assert (run.state, run.stage, run.progress) == ("queued", "", 0.0)
    assert not Score.objects.exists()
    assert Entry.objects.get(verb="run.interrupted").before["stage"] == "indicators"
    assert runner.execute(run.pk).attempts == 2
    assert Run.objects.get().state == "done"


def test_the_sweep_leaves_a_living_run_alone(graph: Graph) -> None:
    swept: list[list[int]] = []
    run = compute(lambda _stage, _share: swept.append(release_dead_runs(actor=COMMAND)))
    assert swept
    assert not any(swept)
    assert (run.state, run.attempts) == ("done", 1)


def test_a_dead_run_that_was_to_be_cancelled_is(graph: Graph, admin: User) -> None:
    run = dead()
    assert cancel_run(actor=Actor.of_user(admin), run_id=run.pk).state == "cancelled"
    other = dead(cancel_requested=True)
    assert release_dead_runs(actor=COMMAND) == []
    other.refresh_from_db()
    assert other.state == "cancelled"


def test_a_run_that_always_dies_is_given_up(graph: Graph) -> None:
    run = dead(attempts=MAX_ATTEMPTS)
    assert release_dead_runs(actor=COMMAND) == []
    run.refresh_from_db()
    assert run.state == "failed"
    assert run.error == "Interrupted 10 times, the last time in the stage “indicators”."


def test_the_next_run_puts_a_dead_one_back_first(graph: Graph) -> None:
    old = dead(as_of=day(3))
    new = compute()
    old.refresh_from_db()
    assert (old.state, new.state) == ("queued", "done")


def test_the_command_takes_up_the_run_that_died(graph: Graph) -> None:
    run = dead()
    release_dead_runs(actor=COMMAND)
    assert start() == run


def test_tasks_may_run_twice_and_for_runs_that_are_gone(graph: Graph) -> None:
    run = start()
    tasks.execute_run(run.pk)
    tasks.execute_run(run.pk)
    tasks.execute_run(999)
    assert Run.objects.get().attempts == 1
    tasks.nightly_run()
    tasks.nightly_run()
    assert Run.objects.filter(state="queued", full=True, trigger="nightly").count() == 1


def test_a_task_that_finds_another_run_leaves_its_own_queued(graph: Graph) -> None:
    run = start()
    with RunLock() as lock:
        assert lock.take()
        tasks.execute_run(run.pk)
        tasks.sweep_runs()
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("queued", 0)
