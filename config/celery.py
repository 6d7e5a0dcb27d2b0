"""The Celery application. Start a worker with `celery -A config.celery worker`."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_prerun
from django_structlog.celery.steps import DjangoStructLogInitStep

from audit.context import current_request_id

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

FLOORS = ["staff", "audit", "accounts", "signals", "moderation"]

app = Celery("sightline", set_as_current=True)
app.config_from_object("config.celery_settings")
app.autodiscover_tasks(FLOORS)
app.steps["worker"].add(DjangoStructLogInitStep)


@setup_logging.connect
def _keep_logging(**_kwargs: Any) -> None:
    """Django has configured the logs; with a receiver here, Celery leaves them alone."""


@task_prerun.connect
def _name_the_request(task_id: str, task: Any, **_kwargs: Any) -> None:
    """Audit entries that a task writes carry the id of the request that asked for it."""
    sent_along = getattr(task.request, "__django_structlog__", None) or {}
    current_request_id.set(str(sent_along.get("request_id") or task_id)[:64])


def collect_schedule() -> dict[str, dict[str, Any]]:
    """Celery beat's entries from every floor's `tasks.SCHEDULE`.

    `SCHEDULE` is plain data: a task's name to its interval in seconds, or to a `crontab`.
    """
    schedule: dict[str, dict[str, Any]] = {}
    for floor in FLOORS:
        if find_spec(f"{floor}.tasks") is None:
            continue
        for task, when in getattr(import_module(f"{floor}.tasks"), "SCHEDULE", {}).items():
            # A sweep that waited longer than its own interval is overtaken by the next one.
            options = {"expires": when} if isinstance(when, int | float) else {}
            schedule[task] = {"task": task, "schedule": when, "options": options}
    return schedule
