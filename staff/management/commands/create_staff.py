"""`create_staff --email E --role R [--name N]`: adds a person; the password comes on stdin."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from staff.actors import Actor
from staff.capabilities import Role
from staff.errors import Refused
from staff.services import create_staff

LONGEST_PASSWORD = 4096


class Command(BaseCommand):
    help = "Add a member of staff. Reads the password from standard input (its first line)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--role", required=True, help=", ".join(Role))
        parser.add_argument("--name", default="", help="default: the part before the @")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            user = create_staff(
                actor=Actor.system("command"),
                email=options["email"],
                role=options["role"],
                name=options["name"],
                password=_password(),
            )
        except Refused as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(f"{user.name} ({user.email}) can now sign in as {user.role}.")


def _password() -> str:
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            raise CommandError("The two passwords differ; nobody was added.")
        return password
    try:
        line = sys.stdin.readline(LONGEST_PASSWORD + 2)
    except UnicodeDecodeError:
        raise CommandError("The password on standard input is not UTF-8.") from None
    password = line.rstrip("\r\n")
    if not password:
        raise CommandError("There is no password on standard input.")
    if len(password) > LONGEST_PASSWORD:
        raise CommandError(f"The password is longer than {LONGEST_PASSWORD} characters.")
    return password
