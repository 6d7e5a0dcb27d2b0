"""`rotate_audit_key [--successor PUBLIC.pem]`: hands the trail over to a new signing key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import keys
from audit.actors import Actor
from audit.rotation import rotate_key
from staff.errors import Refused


class Command(BaseCommand):
    help = "Hand the audit trail over to a new signing key."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--successor",
            metavar="PUBLIC.pem",
            type=Path,
            help="the new public key, where AUDIT_SIGNING_KEY gives the private one",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        file: Path | None = options["successor"]
        try:
            successor = None if file is None else keys.from_pem(file.read_bytes())
            new = rotate_key(actor=Actor.system("command"), successor=successor)
        except (OSError, ValueError) as error:
            raise CommandError(f"{file} holds no public key ({error}).") from None
        except (Refused, keys.NoKey) as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"The trail's next entries are signed with key {new}.")
        if successor is not None:
            self.stdout.write("Set AUDIT_SIGNING_KEY to its private key in every process now.")
