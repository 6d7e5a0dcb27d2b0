"""What the worker does for the trail."""

from __future__ import annotations

from typing import Any, Final

from celery import shared_task

from audit.actors import Actor
from audit.services import verify

SCHEDULE: Final[dict[str, Any]] = {"audit.verify_trail": 6 * 3600.0}
"""Seconds."""


@shared_task(name="audit.verify_trail", soft_time_limit=3600, time_limit=3700)
def verify_trail() -> None:
    """Verify the whole trail; the outcome is an entry, and a loud line in the log when bad."""
    verify(actor=Actor.system("worker"))
