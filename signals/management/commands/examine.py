"""``examine``: the results page of the documentation, from synthetic communities."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from signals.examination_page import page
from signals.simulate import SimulationSettings
from signals.spec import ThresholdSpec


def _seeds(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: give whole numbers, such as 1,2,3") from None


class Command(BaseCommand):
    """Simulate, compute and evaluate without touching the database."""

    help = (
        "Examine the engine on synthetic communities and write the results page. Nothing is "
        "imported or stored. With the defaults this takes about an hour."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--accounts", type=int, default=100_000, help="default: 100000")
        parser.add_argument("--seeds", type=_seeds, default=[1, 2, 3], help="default: 1,2,3")
        parser.add_argument("--prevalence", type=float, default=0.001, help="default: 0.001")
        parser.add_argument("--replays", type=int, default=12, help="dates to replay; default: 12")
        parser.add_argument("--no-ablation", action="store_true", help="leave the ablation out")
        parser.add_argument("--output", type=Path, default=Path("docs/results.md"))
        parser.add_argument("--json", type=Path, metavar="FILE", help="also write the reports")

    def handle(self, *args: Any, **options: Any) -> None:
        """Examine each seed and write the page."""
        # The engine's compiled kernels take a second to load: only this command pays for them.
        from signals.examination import examine

        reports = []
        for seed in options["seeds"]:
            try:
                settings = SimulationSettings(
                    accounts=options["accounts"], seed=seed, prevalence=options["prevalence"]
                )
            except ValueError as error:
                raise CommandError(str(error)) from error
            report = examine(
                settings,
                ThresholdSpec(),
                ablation=not options["no_ablation"],
                replays=options["replays"],
                say=self.stderr.write,
            )
            reports.append(report)
        seeds = ",".join(map(str, options["seeds"]))
        command = (
            f"manage.py examine --accounts {options['accounts']} --seeds {seeds} "
            f"--prevalence {options['prevalence']:g} --replays {options['replays']}"
        )
        try:
            options["output"].write_text(page(reports, command), "utf-8")
            if options["json"]:
                options["json"].write_text(json.dumps(reports, allow_nan=False), "utf-8")
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error
        self.stdout.write(f"Wrote {options['output']}.")
