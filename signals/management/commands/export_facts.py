"""``export_facts FILE``: the contact facts of a complete run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.actors import Actor
from signals import exports
from signals.selectors.runs import complete_run
from signals.services import record_export
from staff.errors import Refused


class Command(BaseCommand):
    """Write one row a first contact."""

    help = (
        "Write the contact facts of a complete run as CSV or Parquet, by the file's ending: a row "
        "per first contact, whatever the ages, with the friends in common at that moment."
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
            table = exports.facts(run)
            record_export(actor=Actor.system("command"), run=run, what="facts", rows=table.num_rows)
            exports.write(table, path)
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"Wrote {table.num_rows:,} first contacts of run {run.pk} to {path}.")
