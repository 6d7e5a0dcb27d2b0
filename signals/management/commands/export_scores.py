"""``export_scores FILE``: the scores of a complete run, ranked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.actors import Actor
from signals import exports
from signals.errors import NoRun
from signals.selectors import export_scores
from signals.selectors.runs import complete_run
from signals.services import record_export
from staff.errors import Refused


class Command(BaseCommand):
    """Write one row an assessed account, highest points first."""

    help = (
        "Write the scores of a complete run as CSV or Parquet, by the file's ending: a row per "
        "assessed account, ranked by points, highest first. Empty: not enough evidence."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("file", metavar="FILE", type=Path, help="ends in .csv or .parquet")
        parser.add_argument("--run", default="latest", help="a run's number; default: latest")

    def handle(self, *args: Any, **options: Any) -> None:
        """Export, and put the export into the audit trail."""
        path: Path = options["file"]
        try:
            exports.check_ending(path)
            run = complete_run(options["run"])
            table = export_scores(run)
            if table.num_rows == 0 and run.assessed > 0:
                raise NoRun(f"The scores of run {run.pk} are gone: newer runs have replaced them.")
            record_export(
                actor=Actor.system("command"), run=run, what="scores", rows=table.num_rows
            )
            exports.write(table, path)
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"Wrote {table.num_rows:,} scores of run {run.pk} to {path}.")
