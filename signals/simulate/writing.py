"""Write a community as import files: CSV, or Parquet with the same columns and texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from signals.simulate.base_ties import TIE_KINDS
from signals.simulate.community import Community, Progress
from signals.simulate.events import EVENT_TYPES, REFERRING
from signals.simulate.strategies import FIRST_OFFENDER, KINDS
from signals.simulate.text import Column, csv_lines, moments, numbers, plain, texts, words

Format = Literal["csv", "parquet"]
CHUNK = 250_000
"""Rows formatted at a time, to bound memory."""


def _account_columns(community: Community, rows: slice) -> dict[str, Column]:
    records = community.records
    names = (
        "account_id",
        "display_name",
        "birth_date",
        "birth_year",
        "age_band",
        "age_source",
        "gender",
        "region",
        "community",
        "role",
    )
    columns = {name: texts(getattr(records, name)[rows]) for name in names}
    columns["created_at"] = moments(records.created_at[rows])
    columns["status"] = texts(records.status[rows])
    return columns


def _account_numbers(community: Community, accounts: np.ndarray) -> Column:
    width = max(6, len(str(community.people.size)))
    return numbers("a", accounts.astype(np.int64) + 1, width)


def _tie_columns(community: Community, rows: slice) -> dict[str, Column]:
    ties = community.ties
    return {
        "a": _account_numbers(community, ties.a[rows]),
        "b": _account_numbers(community, ties.b[rows]),
        "kind": words(TIE_KINDS, ties.kind[rows]),
        "since": moments(ties.since[rows]),
        "until": moments(ties.until[rows]),
    }


def _event_columns(community: Community, rows: slice) -> dict[str, Column]:
    events = community.events
    width = max(7, len(str(len(events))))
    types = events.types[rows]
    obj = events.obj[rows].astype(np.int64)
    refers = REFERRING[types]
    account = _account_numbers(community, np.where(refers, 0, obj))
    event = numbers("e", np.where(refers, obj, 0) + 1, width)
    # One of the two is blank in each row; side by side they make the one column.
    account[refers] = 0
    event[~refers] = 0
    position = np.arange(rows.start, rows.start + types.size, dtype=np.int64)
    return {
        "event_id": numbers("e", position + 1, width),
        "type": words(EVENT_TYPES, types),
        "actor": _account_numbers(community, events.actor[rows]),
        "object": np.concatenate([account, event], axis=1),
        "published": moments(events.time[rows]),
    }


def _truth_columns(community: Community, rows: slice) -> dict[str, Column]:
    kind = community.records.truth_kind[rows]
    return {
        "account_id": texts(community.records.account_id[rows]),
        "label": numbers("", (kind >= FIRST_OFFENDER).astype(np.int64), 1),
        "strategy": words(KINDS, kind),
    }


def _chunks(size: int) -> Iterator[slice]:
    for start in range(0, max(size, 1), CHUNK):
        yield slice(start, min(start + CHUNK, size))


def _write_csv(
    path: Path, size: int, columns: Callable[[slice], dict[str, Column]], progress: Progress | None
) -> None:
    with path.open("wb") as file:
        for rows in _chunks(size):
            part = columns(rows)
            if rows.start == 0:
                file.write((",".join(part) + "\n").encode())
            file.write(csv_lines(list(part.values())))
            if progress:
                progress(path.name, rows.stop, size)


def _write_parquet(
    path: Path, size: int, columns: Callable[[slice], dict[str, Column]], progress: Progress | None
) -> None:
    writer: pq.ParquetWriter | None = None
    try:
        for rows in _chunks(size):
            part = {name: _without_padding(column) for name, column in columns(rows).items()}
            table = pa.table({name: pa.array(plain(column)) for name, column in part.items()})
            if writer is None:
                writer = pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
            if progress:
                progress(path.name, rows.stop, size)
    finally:
        if writer is not None:
            writer.close()


def _without_padding(column: Column) -> Column:
    """Move the text of each row to the front (zero bytes may lead where a column is joined)."""
    leading = (column != 0).argmax(axis=1)
    if not leading.any():
        return column
    place = (np.arange(column.shape[1]) + leading[:, None]) % column.shape[1]
    moved: Column = np.take_along_axis(column, place, axis=1)
    return moved


def write_community(
    community: Community,
    folder: Path,
    file_format: Format = "csv",
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write the four files into a folder, made if missing; returns rows by file.

    ``truth.csv`` is CSV in either format. Raises ``OSError`` where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "accounts": (community.people.size, _account_columns),
        "ties": (community.ties.a.size, _tie_columns),
        "events": (len(community.events), _event_columns),
        "truth": (community.people.size, _truth_columns),
    }
    written: dict[str, int] = {}
    for name, (size, columns_of) in files.items():
        form = "csv" if name == "truth" else file_format
        write = _write_csv if form == "csv" else _write_parquet

        def columns(
            rows: slice, of: Callable[..., dict[str, Column]] = columns_of
        ) -> dict[str, Column]:
            return of(community, rows)

        write(folder / f"{name}.{form}", size, columns, progress)
        written[name] = size
    return written
