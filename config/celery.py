"""The Celery application. Start a worker with `celery -A config.celery worker`."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

FLOORS = ["staff", "audit", "accounts", "signals", "moderation"]

app = Celery("sightline", set_as_current=True)
app.config_from_object("config.celery_settings")
app.autodiscover_tasks(FLOORS)
app.steps["worker"].add(DjangoStructLogInitStep)


@setup_logging.connect
def _keep_logging(**_kwargs: Any) -> None:
    """Django has configured the logs; with a receiver here, Celery leaves them alone."""


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
