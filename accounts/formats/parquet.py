"""Parquet: columns as text again, so that the same rules see the same values as from CSV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from accounts.formats.header import table_of, unused_notice
from accounts.formats.rows import COLUMNS, REQUIRED, FileProblem, Position, RawBatch, Table

_ROWS: Final = 100_000
_COLUMN_BYTES: Final = 256 * 1024 * 1024
"""A column of one row group may unpack to so much: that much is read at once, at worst."""


class ParquetReader:
    """Reads one Parquet file; ``lines`` are numbers of rows, from 1. Raises FileProblem."""

    def __init__(self, path: Path, table: Table | None, start: Position) -> None:
        try:
            self._file = pq.ParquetFile(path, memory_map=False)
        except (pa.ArrowInvalid, OSError):
            raise FileProblem("This is no Parquet file, or it is damaged.") from None
        names = self._file.schema_arrow.names
        found = table or table_of(names)
        if found is None:
            raise FileProblem("The columns name no table; see the documentation of import files.")
        self.table: Table = found
        missing = [name for name in REQUIRED[self.table] if name not in names]
        if missing:
            raise FileProblem(f"The columns lack {', '.join(missing)}.", field=missing[0])
        self.notices = list(unused_notice(names, self.table))
        self._names = [name for name in COLUMNS[self.table] if name in names]
        self._start = start
        self._refuse_what_cannot_be_read()

    def _refuse_what_cannot_be_read(self) -> None:
        for name in self._names:
            kind = self._file.schema_arrow.field(name).type
            if pa.types.is_timestamp(kind) and kind.tz is None:
                raise FileProblem(
                    f"The times in {name} have no time zone; write them as UTC timestamps.",
                    field=name,
                )
            if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_boolean(kind):
                raise FileProblem(f"The column {name} holds {kind}; write it as text.", field=name)
        metadata = self._file.metadata
        places = {metadata.schema.column(at).name: at for at in range(metadata.num_columns)}
        for group in range(metadata.num_row_groups):
            for name in self._names:
                column = metadata.row_group(group).column(places[name])
                if column.total_uncompressed_size > _COLUMN_BYTES:
                    raise FileProblem(
                        f"The column {name} unpacks to more than 256 MiB in one row group; "
                        "write smaller row groups.",
                        field=name,
                    )

    def __iter__(self) -> Iterator[RawBatch]:
        total = self._file.metadata.num_rows
        row = 0
        try:
            for piece in self._file.iter_batches(batch_size=_ROWS, columns=self._names):
                first, row = row, row + len(piece)
                if row <= self._start.row:
                    continue
                yield RawBatch(
                    table=self.table,
                    columns={
                        name: _as_text(piece.column(at))
                        for at, name in enumerate(piece.schema.names)
                    },
                    lines=np.arange(first + 1, row + 1),
                    position=Position(row, row + 1, row),
                    share=row / total,
                )
        except (pa.ArrowInvalid, OSError):
            raise FileProblem(
                "The file is damaged from here on; what came before is imported.", line=row + 1
            ) from None


def _as_text(values: pa.Array) -> pa.Array:
    """The column as text; a missing value is "" (stated as empty)."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_timestamp(values.type):
        values = pc.replace_substring(
            values.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.string()), " ", "T"
        )
    elif pa.types.is_floating(values.type):
        values = values.cast(pa.int64(), safe=False)
    return pc.fill_null(values.cast(pa.string()), "")
