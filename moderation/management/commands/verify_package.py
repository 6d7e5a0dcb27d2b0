"""``verify_package FILE.zip``: whether a referral package is as it was signed. Exit 0 or 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import keys
from moderation.package.keys import PACKAGES
from moderation.package.verify import NotGenuine, load_key, sentence, verify


class Command(BaseCommand):
    """Needs the public key and the file, and neither a database nor a network."""

    help = (
        "Check every byte of a referral package against its signed manifest, offline. The public "
        "keys are those in the folder of keys; for a package that was made elsewhere, the files "
        "given with --key and, to check the entries of the audit trail too, --trail-key."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("file", metavar="FILE.zip", type=Path)
        parser.add_argument("--key", metavar="FILE.pem", type=Path, help="the public key")
        parser.add_argument(
            "--trail-key",
            metavar="FILE.pem",
            type=Path,
            action="append",
            help="a public key of the audit trail; may be given several times",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify; CommandError makes the exit status 1."""
        try:
            held = verify(
                options["file"].read_bytes(),
                _key(options["key"]),
                _trail_keys(options["trail_key"] or [], elsewhere=options["key"] is not None),
            )
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read ({error.strerror}).") from None
        except (NotGenuine, keys.NoKey) as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(sentence(held))


def _trail_keys(paths: list[Path], *, elsewhere: bool) -> list[Ed25519PublicKey]:
    """The audit trail's keys: then its proof is checked too.

    Those of this machine, where it has any, prove nothing about a package that was made elsewhere.
    """
    if paths or elsewhere:
        return [load_key(path.read_bytes()) for path in paths]
    try:
        return keys.known_keys()
    except keys.NoKey:
        return []


def _key(path: Path | None) -> Ed25519PublicKey:
    return keys.public_key(PACKAGES) if path is None else load_key(path.read_bytes())
