"""`erase_account ACCOUNT_ID --reason CODE`: removes an account's personal data for good."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.actors import Actor
from moderation.domain.retention import REASON_LABELS
from moderation.services.erasure import erase_account
from staff.errors import Refused


class Command(BaseCommand):
    help = (
        "Remove an account's personal data from tables, files, explanations and packages. "
        "Refused while a police hold, a live case or a recent referral stands."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account_id", metavar="ACCOUNT_ID", help="the platform's identifier")
        codes = "; ".join(f"{code}: {label}" for code, label in REASON_LABELS.items())
        parser.add_argument(
            "--reason", required=True, choices=[code.value for code in REASON_LABELS], help=codes
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            done = erase_account(
                actor=Actor.system("command"),
                account_id=options["account_id"],
                reason=options["reason"],
            )
        except Refused as refused:
            raise CommandError(refused.message) from None
        if done.already:
            self.stdout.write(f"It is erased already, as account:{done.account}.")
            return
        cases = f", with {', '.join(done.cases)}" if done.cases else ""
        self.stdout.write(f"Erased, as account:{done.account}{cases}.")
