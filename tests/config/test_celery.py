"""The worker's configuration and what the scheduler sends."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from celery import Task
from celery.schedules import BaseSchedule

from audit.context import current_request_id
from config.celery import FLOORS, app, collect_schedule
from config.celery import _name_the_request as name_the_request


def own_tasks() -> dict[str, Task[..., object]]:
    app.loader.import_default_modules()
    return {name: task for name, task in app.tasks.items() if name.partition(".")[0] in FLOORS}


def test_the_scheduler_sends_only_tasks_that_exist() -> None:
    schedule = collect_schedule()
    assert {"signals.sweep_runs", "moderation.expire_leases"} <= schedule.keys()
    tasks = own_tasks()
    for name, entry in schedule.items():
        assert entry["task"] in tasks, name
        assert isinstance(entry["schedule"], int | float | BaseSchedule), name
    assert app.conf.beat_schedule == schedule


def test_what_a_dead_worker_had_taken_is_not_done() -> None:
    for name, task in own_tasks().items():
        assert task.acks_late, name
        assert task.reject_on_worker_lost, name
        assert (task.time_limit or app.conf.task_time_limit) > 0, name


@pytest.mark.parametrize(
    ("sent_along", "expected"),
    [({"request_id": "the-request"}, "the-request"), ({}, "the-task"), (None, "the-task")],
)
def test_audit_entries_of_a_task_name_the_request_that_asked_for_it(
    sent_along: dict[str, str] | None, expected: str
) -> None:
    task = SimpleNamespace(request=SimpleNamespace(__django_structlog__=sent_along))
    name_the_request(task_id="the-task", task=task)
    assert current_request_id.get() == expected
