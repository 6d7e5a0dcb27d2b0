"""Computes a run in a process of its own and kills it (SIGKILL) at a given point.

``python -m tests.signals.compute_and_die DATABASE RUN POINT``; POINT is a stage, with a share of
the run after a colon, or ``in_hooks``, or ``never``.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from audit.actors import Actor
    from signals.models import Run


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_in_hooks(_run: Run, _actor: Actor) -> tuple[int, int]:
    die()
    return 0, 0


def main(database: str, run_id: str, point: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from django.conf import settings
    from django.db import connection

    from signals import hooks, runner

    connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = database
    wanted, _, share_text = point.partition(":")

    def tell(stage: str, share: float) -> None:
        if stage == wanted and share >= float(share_text or 0):
            die()

    if point == "in_hooks":
        hooks.on_run_done(die_in_hooks)
    runner.execute(int(run_id), tell)


if __name__ == "__main__":
    main(*sys.argv[1:])
