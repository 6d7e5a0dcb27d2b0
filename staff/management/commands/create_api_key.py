"""`create_api_key --name N --scope SCOPE …`: makes a key and prints it once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from staff.actors import Actor
from staff.errors import Refused
from staff.scopes import Scope
from staff.services import create_api_key
from staff.services.keys import DEFAULT_DAYS


class Command(BaseCommand):
    help = "Make an API key. It is printed this once and kept nowhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument(
            "--scope",
            required=True,
            nargs="+",
            action="extend",
            metavar="SCOPE",
            help=", ".join(Scope),
        )
        parser.add_argument("--days", type=int, default=DEFAULT_DAYS, help="until it expires")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            new = create_api_key(
                actor=Actor.system("command"),
                name=options["name"],
                scopes=options["scope"],
                days=options["days"],
            )
        except Refused as refusal:
            raise CommandError(refusal.message) from None
        # The key alone on standard output, so that a script can take it.
        self.stdout.write(new.secret)
        self.stderr.write(f"It works until {new.key.expires_at:%Y-%m-%d} and is not shown again.")
