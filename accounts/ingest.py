"""Rows that the platform sends itself: the same rules and the same way in as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accounts import services
from accounts.formats.json_lines import Object, columns_of
from accounts.formats.rows import RawBatch, Reject, Table
from accounts.imports import rejects
from accounts.imports.database import Database
from accounts.imports.lane import MERGES
from accounts.imports.merged import Merged
from accounts.models import ImportBatch
from accounts.validation import validate
from audit.actors import Actor


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of rows. ``line`` of a reject is the row's place among those sent, from 0."""

    batch: ImportBatch
    accepted: int
    duplicates: int
    rejects: list[Reject]


def ingest(
    *,
    actor: Actor,
    table: Table,
    rows: Sequence[tuple[int, Object]],
    unreadable: Sequence[Reject] = (),
    source: str = "",
) -> Ingested:
    """Bring rows of ``table`` in, each with its place among those sent, and wait until they are.

    ``unreadable``: what was sent and is no row. Raises NotAllowed, ConnectionLost, DatabaseRefused.
    """
    batch = services.create_batch(
        actor=actor, origin=ImportBatch.Origin.API, path="", source=source, format="ndjson"
    )
    places = [place for place, _ in rows]
    columns, kept, nested = columns_of(table, [row for _, row in rows], places)
    checked = validate(RawBatch(table, columns, np.array(kept, np.int64), [*unreadable, *nested]))
    with Database() as db:
        db.claim(batch.pk)
        services.begin_import(batch_id=batch.pk)
        with db.chunk(table, durable=True):
            merged = MERGES[table](db, checked, batch.pk)
            merged.rejects = sorted(
                [*checked.rejects, *merged.rejects], key=lambda reject: reject.line
            )
            _note(db, batch.pk, table, merged)
        batch = services.finish_import(batch_id=batch.pk)
    return Ingested(batch, merged.accepted, merged.duplicates, merged.rejects)


def _note(db: Database, batch_id: int, table: Table, merged: Merged) -> None:
    """Count the rows, in their own transaction, and keep the first refused ones for the page."""
    refused: list[tuple[str, Reject]] = [(table, reject) for reject in merged.rejects]
    refused += [(f"import {late.batch_id}", late.reject) for late in merged.late]
    if refused:
        rejects.show(db, batch_id, refused[: rejects.SHOWN])
    db.add_counts(
        batch_id,
        {
            f"accepted_{table}": merged.accepted,
            "duplicates": merged.duplicates,
            "rejected": len(refused),
        },
    )
