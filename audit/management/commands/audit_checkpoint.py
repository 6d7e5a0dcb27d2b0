"""`audit_checkpoint`: signs what the trail is now and prints the signed text."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.actors import Actor
from audit.checkpoints import BrokenTrail, make_checkpoint


class Command(BaseCommand):
    help = "Sign a checkpoint of the audit trail and print it, to be kept outside this system."
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            made = make_checkpoint(actor=Actor.system("command"))
        except BrokenTrail as broken:
            raise CommandError(str(broken)) from None
        if made is None:
            raise CommandError("The trail is empty: there is nothing to sign.")
        self.stdout.write(made.note, ending="")
