"""Runs as the command starts and computes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from audit.actors import Actor
from signals import runner
from signals.models import Run
from signals.services import start_run

COMMAND = Actor.system("command")


def start(**given: Any) -> Run:
    return start_run(actor=COMMAND, trigger="command", enqueue=False, **given)


def compute(progress: Callable[[str, float], None] | None = None, **given: Any) -> Run:
    return runner.execute(start(**given).pk, progress, actor=COMMAND)
