"""`make demo`."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.demo import run_demo
from config.demo_community import DemoError
from config.embedded_programs import EmbeddedError
from config.supervisor import CannotRunError


class Command(BaseCommand):
    help = "Run database, worker, scheduler and web server with an invented community."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="default: 8000")

    def handle(self, *_args: Any, port: int, **_options: Any) -> None:
        if not 1 <= port <= 65535:
            raise CommandError(f"The port must be a number from 1 to 65535, not {port}.")
        try:
            status = run_demo(port=port, say=self._say)
        except (CannotRunError, DemoError, EmbeddedError) as error:
            raise CommandError(str(error)) from error
        sys.exit(status)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
