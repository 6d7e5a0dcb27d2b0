"""``compute_indicators``: bring values, scores and cases up to date, in the foreground."""

from __future__ import annotations

import argparse
import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.actors import Actor
from signals import runner
from signals.attempt import is_computing
from signals.errors import RunBusy, RunEnded
from signals.management.progress import shown_progress
from signals.models import Run
from signals.services import cancel_run, release_dead_runs, start_run
from staff.errors import Refused

_PAUSE = 0.5  # seconds between two looks at whether another process still computes


def _time(text: str) -> datetime:
    try:
        value = datetime.fromisoformat(text)
        if value.tzinfo is not None:
            return value.astimezone(UTC)
    except (ValueError, OverflowError):  # no time, or none that a calendar has in UTC
        pass
    raise argparse.ArgumentTypeError(
        f"{text!r} is no time with an offset, such as 2026-10-01T00:00:00Z"
    )


class Command(BaseCommand):
    """Compute a run and say what came of it."""

    help = (
        "Bring indicator values, scores and cases up to date with what is imported. Does nothing "
        "when nothing is new since the latest run. A run that was interrupted is begun again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--as-of",
            type=_time,
            metavar="TIME",
            help="ignore everything from this time on, such as 2026-10-01T00:00:00Z",
        )
        parser.add_argument("--full", action="store_true", help="compute even when nothing is new")
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run and report."""
        began = time.monotonic()
        actor = Actor.system("command")
        try:
            self._wait_for_others()
            release_dead_runs(actor=actor)
            run = start_run(
                actor=actor,
                trigger=Run.Trigger.COMMAND,
                as_of=options["as_of"],
                full=options["full"],
                enqueue=False,
            )
            unchanged = run.state == Run.State.DONE
            if not unchanged:
                run = self._execute(run, actor)
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        if run.state != Run.State.DONE:
            reason = run.error or "nothing that it computed was kept"
            raise CommandError(f"Run {run.pk} is {run.get_state_display()}: {reason}")
        if options["json"]:
            spent = round(time.monotonic() - began, 3)
            self.stdout.write(json.dumps(as_json(run, unchanged=unchanged, spent=spent)))
        else:
            self._say(run, unchanged=unchanged)

    def _execute(self, run: Run, actor: Actor) -> Run:
        """Compute ``run`` here, after whichever another process computes."""
        with shown_progress() as tell:
            while True:
                try:
                    return runner.execute(run.pk, tell, actor=actor)
                except RunBusy:
                    self._wait(run, actor)

    def _wait(self, run: Run, actor: Actor) -> None:
        try:
            self._wait_for_others()
        except KeyboardInterrupt:
            with suppress(RunEnded):
                cancel_run(actor=actor, run_id=run.pk)
            raise

    def _wait_for_others(self) -> None:
        if not is_computing():
            return
        self.stderr.write(f"{runner.busy_message()} Waiting for it to end.")
        while is_computing():
            time.sleep(_PAUSE)

    def _say(self, run: Run, *, unchanged: bool) -> None:
        if unchanged:
            self.stdout.write(
                f"Nothing is new since run {run.pk}; its values are current. "
                "Use --full to compute them again."
            )
        self.stdout.write(
            f"Run {run.pk}: {run.accounts:,} accounts, {run.assessed:,} with enough evidence, "
            f"{run.contacts:,} first contacts. {run.flagged:,} flagged."
        )
        if not unchanged:
            self.stdout.write(
                f"{run.cases_opened:,} cases opened, {run.cases_updated:,} updated, "
                f"in {run.seconds.get('total', 0.0):.1f} s."
            )


def as_json(run: Run, *, unchanged: bool, spent: float) -> dict[str, Any]:
    """The command's line of JSON.

    ``accounts``: looked at; ``assessed``: with enough evidence for one indicator at least;
    ``contacts``: first contacts. ``unchanged``: nothing was new, so nothing was computed and no
    case touched; the counts are those of ``run``, the latest one.
    """
    names = ("load", "contact_facts", "indicators", "cases", "total")
    seconds = (
        {**dict.fromkeys(names, 0.0), "total": spent}
        if unchanged
        else {name: run.seconds.get(name, 0.0) for name in names}
    )
    return {
        "run": run.pk,
        "accounts": run.accounts,
        "assessed": run.assessed,
        "contacts": run.contacts,
        "flagged": run.flagged,
        "cases_opened": 0 if unchanged else run.cases_opened,
        "cases_updated": 0 if unchanged else run.cases_updated,
        "unchanged": unchanged,
        "seconds": seconds,
    }
