"""`verify_audit [--json]`: exit 0 when the whole trail holds, 1 with the first bad entry."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from audit.verify import Result, verify_trail


class Command(BaseCommand):
    help = "Check every entry of the audit trail and name the first bad one."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        result = self._verify()
        for warning in result.warnings:
            self.stderr.write(f"Note: {warning}")
        if options["json"]:
            self.stdout.write(json.dumps(as_json(result)))
        elif result.ok:
            self.stdout.write(f"{result.entries} entries verified. Head: {result.head}")
        if not result.ok:
            if not options["json"]:
                where = "" if result.first_bad is None else f"Entry {result.first_bad}: "
                self.stderr.write(f"{where}{result.problem}")
            sys.exit(1)

    def _verify(self) -> Result:
        if not sys.stderr.isatty():
            return verify_trail(self._report_line)
        columns = (
            TextColumn("Verifying"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            return verify_trail(lambda done, total: bar.update(task, completed=done, total=total))

    def _report_line(self, done: int, total: int) -> None:
        if done % 100_000 == 0 and total > 100_000:
            self.stderr.write(f"{done} of {total} entries verified")


def as_json(result: Result) -> dict[str, Any]:
    """The command's line of JSON."""
    said: dict[str, Any] = {"entries": result.entries, "ok": result.ok}
    if result.ok:
        said["head"] = result.head
    else:
        said |= {"first_bad": result.first_bad, "problem": result.problem}
    if result.warnings:
        said["warnings"] = list(result.warnings)
    return said
