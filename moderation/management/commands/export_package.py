"""``export_package REFERENCE FILE.zip``: the referral package of a case."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.actors import Actor
from moderation.models import Case
from moderation.services import packages
from staff.errors import Refused


class Command(BaseCommand):
    """Write the package; the export is an entry of the audit trail."""

    help = (
        "Write the referral package of a case as it would be sent. Every file in it is marked "
        "DRAFT until the referral is approved. The package names children: keep it accordingly."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("reference", metavar="REFERENCE", help="such as SL-2026-000123")
        parser.add_argument("file", metavar="FILE.zip", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Export, whole or not at all."""
        path: Path = options["file"]
        case = Case.objects.filter(reference=options["reference"].upper()).first()
        if case is None:
            raise CommandError(f"There is no case {options['reference']}.")
        if not path.parent.is_dir():
            raise CommandError(f"There is no folder {path.parent} to write to.")
        try:
            package = packages.export(actor=Actor.system("command"), case_id=case.pk)
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        try:
            _write(path, package.data)
        except OSError as error:
            raise CommandError(f"{path} cannot be written ({error.strerror}).") from error
        self.stdout.write(
            f"Wrote the package of {case.reference} ({package.status.value}, "
            f"{len(package.data):,} bytes) to {path}."
        )


def _write(path: Path, data: bytes) -> None:
    """Readable by its owner alone, and never half there."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".package-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
