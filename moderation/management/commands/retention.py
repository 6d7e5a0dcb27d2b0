"""`retention [--dry-run]`: removes the personal data of cases whose time is over."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.actors import Actor
from moderation.services.retention import due, sweep


class Command(BaseCommand):
    help = "Remove the personal data of cases that have been over for long enough."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only list the cases")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["dry_run"]:
            count = 0
            for reference, state in due():
                count += 1
                self.stdout.write(f"{reference} {state}")
            self.stdout.write(f"{_cases(count)} would be emptied.")
            return
        count = sweep(actor=Actor.system("command"))
        self.stdout.write(f"{_cases(count)} {'was' if count == 1 else 'were'} emptied.")


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"
