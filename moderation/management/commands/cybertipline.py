"""``cybertipline [--fetch-schema]``: whether NCMEC can be reached with the credentials set."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from moderation.cybertipline.client import HOSTS, Client, CyberTiplineError
from moderation.services import filing


class Command(BaseCommand):
    """Asks for the status, and sends nothing."""

    help = (
        "Ask NCMEC's host whether these credentials are good; nothing is reported. With "
        "--fetch-schema its report schema is kept in SIGHTLINE_SCHEMAS, and every report is "
        "checked against it before it leaves."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--fetch-schema", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask; CommandError says what does not work."""
        if lacking := filing.missing():
            raise CommandError(f"Set these first: {', '.join(lacking)}.")
        host = settings.CYBERTIPLINE_HOST
        try:
            with Client(
                HOSTS[host], settings.CYBERTIPLINE_USERNAME, settings.CYBERTIPLINE_PASSWORD
            ) as client:
                said = client.status()
                schema = client.schema() if options["fetch_schema"] else None
        except CyberTiplineError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"NCMEC's {host} host answers: {said}")
        if schema is not None:
            file = filing.schema_file()
            file.parent.mkdir(parents=True, exist_ok=True)
            half = file.with_suffix(".part")  # a worker may be reading the one before
            half.write_bytes(schema)
            half.replace(file)
            self.stdout.write(f"Kept the schema as {file}.")
