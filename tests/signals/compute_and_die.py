"""Computes a run and kills its process (SIGKILL) at a given point."""

from __future__ import annotations

import os
import signal

from audit.actors import Actor
from signals import hooks, runner
from signals.models import Run


def compute_and_die(run_id: int, point: str) -> None:
    """``point``: a stage, with a share of the run after a colon, or ``in_hooks``, or ``never``."""
    wanted, _, share_text = point.partition(":")

    def tell(stage: str, share: float) -> None:
        if stage == wanted and share >= float(share_text or 0):
            _die()

    if point == "in_hooks":
        hooks.on_run_done(_die_in_hooks)
    runner.execute(run_id, tell)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_in_hooks(_run: Run, _actor: Actor) -> tuple[int, int]:
    _die()
    return 0, 0
