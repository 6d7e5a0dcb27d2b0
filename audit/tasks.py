"""What the worker does for the trail."""

from __future__ import annotations

from typing import Any, Final

from celery import shared_task

from audit import checkpoints, under_way
from audit.actors import Actor
from audit.services import verify

SCHEDULE: Final[dict[str, Any]] = {
    "audit.make_checkpoint": 3600.0,
    "audit.verify_trail": 6 * 3600.0,
}
"""Seconds."""


@shared_task(name="audit.verify_trail", soft_time_limit=3600, time_limit=3700)
def verify_trail() -> None:
    """Verify the whole trail; the outcome is an entry, and a loud line in the log when bad."""
    try:
        verify(actor=Actor.system("worker"), progress=under_way.tell)
    finally:
        under_way.over()


@shared_task(name="audit.make_checkpoint", soft_time_limit=600, time_limit=700)
def make_checkpoint() -> None:
    """Sign what the trail is now; nothing where nothing has happened since the last time."""
    checkpoints.make_checkpoint(actor=Actor.system("worker"))
