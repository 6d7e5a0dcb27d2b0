"""`import_graph`: accounts, ties and events of a platform out of files."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser

from accounts import services
from accounts.formats.detect import FORMATS
from accounts.imports.database import ConnectionLost, DatabaseRefused
from accounts.imports.run import run_batch
from accounts.management.progress import shown_progress
from accounts.models import ImportBatch
from audit.actors import Actor

_EXIT: Final = {ImportBatch.State.DONE: 0, ImportBatch.State.PARTIAL: 2}


class Command(BaseCommand):
    help = (
        "Import accounts, ties and events from a file, or a folder of files named accounts.EXT, "
        "ties.EXT and events.EXT (EXT: csv, csv.gz, ndjson, ndjson.gz, parquet). Importing the "
        "same rows again changes nothing. Exit status 0: every row is in; 2: some rows were "
        "rejected and stand in the rejects file; 1: nothing was imported."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """A parser that refuses wrong arguments with status 1: 2 means that rows were rejected."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.called_from_command_line = False
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="a file or a folder")
        parser.add_argument("--format", choices=FORMATS, default="auto", help="default: auto")
        parser.add_argument("--source", default="", metavar="NAME", help="where the files are from")
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["path"]
        batch = services.create_batch(
            actor=Actor.system("command"),
            origin=ImportBatch.Origin.COMMAND,
            path=path.absolute(),
            source=options["source"],
            format=options["format"],
        )
        try:
            with shown_progress(quiet=options["verbosity"] == 0) as progress:
                batch = run_batch(batch.pk, progress)
        except (ConnectionLost, DatabaseRefused) as error:
            self._end(f"{error} Run the command again to go on.", batch, options)
            sys.exit(1)
        for notice in batch.notices:
            self.stderr.write(notice)
        self._end(_summary(batch), batch, options)
        sys.exit(_EXIT.get(ImportBatch.State(batch.state), 1))

    def _end(self, text: str, batch: ImportBatch, options: dict[str, Any]) -> None:
        if batch.state in _EXIT and not options["json"]:
            self.stdout.write(text)
        else:
            self.stderr.write(text)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(batch)))


def as_json(batch: ImportBatch) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "batch": batch.pk,
        **services.counts(batch),
        "rejects_file": batch.rejects_file or None,
        "unresolved": batch.unresolved,
    }


def _summary(batch: ImportBatch) -> str:
    if batch.state == ImportBatch.State.FAILED:
        return f"Nothing was imported. {batch.error}" + _rejected(batch)
    text = (
        f"{batch.accepted_accounts:,} accounts, {batch.accepted_ties:,} ties and "
        f"{batch.accepted_events:,} events imported, {batch.duplicates:,} duplicates, "
        f"{batch.rejected:,} rejected."
    )
    waiting = batch.unresolved
    if any(waiting.values()):
        text += (
            f" Waiting for what they name: {waiting['ties']:,} ties and {waiting['events']:,} "
            f"events; {waiting['accounts']:,} accounts are named but not imported."
        )
    return text + _rejected(batch)


def _rejected(batch: ImportBatch) -> str:
    if not batch.rejects_file:
        return ""
    return f" The rejected rows, with reasons: {batch.rejects_file}"
