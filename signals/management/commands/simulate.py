"""``simulate DIR``: a synthetic community as import files, with the truth beside it."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from signals.simulate import SimulationSettings, default_prevalence, simulate
from signals.simulate.settings import DEFAULT_END
from signals.simulate.writing import write_community


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-11-01") from None


class Command(BaseCommand):
    """Write accounts, ties, events and the truth about them into a folder."""

    help = (
        "Write a synthetic community as import files: accounts, ties, events, and truth.csv "
        "(account_id, label 1 = planted, strategy). The same arguments give the same bytes."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("folder", metavar="DIR", type=Path, help="folder to write into")
        parser.add_argument("--accounts", type=int, default=5_000, help="default: 5000")
        parser.add_argument("--seed", type=int, default=1, help="default: 1")
        parser.add_argument(
            "--prevalence",
            type=float,
            help="planted share, 0 to 0.2; default: 0.001, but 60 accounts in a small community "
            f"and at most 0.02 ({default_prevalence(5_000):g} of 5,000 accounts)",
        )
        parser.add_argument(
            "--end", type=_day, default=DEFAULT_END, help=f"last day; default: {DEFAULT_END}"
        )
        parser.add_argument("--format", choices=["csv", "parquet"], default="csv")

    def handle(self, *args: Any, **options: Any) -> None:
        """Simulate and write."""
        try:
            settings = SimulationSettings(
                accounts=options["accounts"],
                seed=options["seed"],
                prevalence=options["prevalence"],
                end=options["end"],
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        folder: Path = options["folder"]
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        # Counts on a terminal only: in a log they would be one line for each chunk.
        hidden = not sys.stderr.isatty() or options["verbosity"] == 0
        with Progress(*columns, console=Console(stderr=True), disable=hidden) as bar:
            tasks = {}

            def report(stage: str, done: int, total: int) -> None:
                if stage not in tasks:
                    tasks[stage] = bar.add_task(stage)
                bar.update(tasks[stage], completed=done, total=total)

            try:
                community = simulate(settings, report)
                written = write_community(community, folder, options["format"], report)
            except OSError as error:
                raise CommandError(f"{folder}: {error.strerror or error}.") from error
        if options["verbosity"] > 0:
            rows = ", ".join(f"{count:,} {name}" for name, count in written.items())
            self.stdout.write(f"Wrote {rows} to {folder}.")
