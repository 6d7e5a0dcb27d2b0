"""Small platforms as files and rows, and the graph as it stands, in the platform's own names."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from accounts import services
from accounts.formats.rows import COLUMNS, RawBatch, Table
from accounts.imports.progress import Progress
from accounts.imports.run import run_batch
from accounts.models import Account, Event, ImportBatch, Tie
from accounts.validation import Rows, validate
from audit.actors import Actor

Row = dict[str, str]

COMMAND = Actor.system("command")


def csv_text(rows: Sequence[Row], columns: Sequence[str] | None = None) -> str:
    """Rows as CSV with a header; columns as the rows have them unless given."""
    names = list(columns or dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def folder_of(folder: Path, **tables: Sequence[Row] | str | bytes) -> Path:
    """Write ``accounts.csv`` and so on; text and bytes go in as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, content in tables.items():
        text = content if isinstance(content, str | bytes) else csv_text(content)
        (folder / f"{table}.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def packed(data: bytes) -> bytes:
    return gzip.compress(data, 6)


def imported(path: Path, format_: str = "auto", progress: Progress | None = None) -> ImportBatch:
    """Import ``path`` in the foreground."""
    batch = services.create_batch(actor=COMMAND, origin="command", path=path, format=format_)
    return run_batch(batch.pk, progress)


def rejected(batch: ImportBatch) -> list[tuple[str, int, str]]:
    """File, line and field of the rejected rows that the page of an import shows."""
    return list(batch.rejected_rows.values_list("file", "line", "field"))


def reasons(batch: ImportBatch) -> list[str]:
    return list(batch.rejected_rows.values_list("reason", flat=True))


def rows_of(table: Table, rows: Sequence[Row]) -> Rows:
    """Checked rows, as a reader and the rules would give them; a missing key is "not stated"."""
    columns = {
        name: pa.array([row.get(name) for row in rows], pa.string())
        for name in COLUMNS[table]
        if any(name in row for row in rows)
    }
    return validate(RawBatch(table, columns, np.arange(2, len(rows) + 2)))


def graph() -> dict[str, Any]:
    """Everything in the graph's tables, without the numbers that depend on the order of arrival."""
    names = dict(Account.objects.values_list("pk", "account_id"))
    event_names = dict(Event.objects.values_list("pk", "event_id"))
    return {
        "accounts": {
            row["account_id"]: {k: v for k, v in row.items() if k not in ("id", "batch_id")}
            for row in Account.objects.values()
        },
        "ties": sorted(
            (
                *_ends(names[tie.a_id], names[tie.b_id], tie.kind),
                tie.kind,
                str(tie.since),
                str(tie.until),
            )
            for tie in Tie.objects.all()
        ),
        "events": {
            event.event_id: (
                event.type,
                names[event.actor_id],
                None if event.object_id is None else names[event.object_id],
                event.reference,
                None if event.ref_id is None else event_names[event.ref_id],
                event.published.isoformat(),
                event.region,
            )
            for event in Event.objects.all()
        },
    }


def _ends(a: str, b: str, kind: str) -> tuple[str, str]:
    return (a, b) if kind == "follow" else (min(a, b), max(a, b))


def forget_everything() -> None:
    """Empty the graph's tables."""
    for model in (Event, Tie, Account, ImportBatch):
        model.objects.all().delete()


def event(event_id: str, type_: str, actor: str, target: str, at: str = "10:00:00") -> Row:
    """An event on one invented day."""
    return {
        "event_id": event_id,
        "type": type_,
        "actor": actor,
        "object": target,
        "published": f"2026-02-20T{at}Z",
    }


def accounts(*names: str) -> list[Row]:
    return [{"account_id": name} for name in names]


def lines_of(path: Path) -> list[Row]:
    """A CSV file as dictionaries."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def joined(parts: Iterable[str]) -> str:
    return "\n".join(parts) + "\n"
