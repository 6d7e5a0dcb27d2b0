"""A rejects file, corrected and sent again: each row as its columns ``value`` and ``row`` say."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from accounts.formats.csv_reader import Layout
from accounts.formats.header import table_of
from accounts.formats.lines import Lines
from accounts.formats.rows import (
    COLUMNS,
    HEADER,
    TABLES,
    WHOLE_FILE,
    WHOLE_ROW,
    FileProblem,
    Position,
    RawBatch,
    Reject,
    Table,
)
from accounts.formats.source import Source

REJECT_COLUMNS: Final = ("file", "line", "field", "value", "reason", "row")
"""``row`` holds the row as JSON without ``field``, whose content is ``value``."""

_RISKY: Final = ("=", "+", "-", "@", "\t", "\r")
_AGAIN: Final = "Correct the values in the column row, then empty the column field."


def guarded(value: str) -> str:
    """``value`` so that no spreadsheet takes it for a formula."""
    if value.startswith(_RISKY) or (value.startswith("'") and value[1:].startswith((*_RISKY, "'"))):
        return "'" + value
    return value


def unguarded(value: str) -> str:
    """What ``guarded`` was given."""
    if value.startswith("'") and value[1:].startswith((*_RISKY, "'")):
        return value[1:]
    return value


class RejectedReader:
    """Reads one rejects file. Raises FileProblem when it cannot be read, or not further."""

    notices: Final[list[str]] = []
    table: Table | None = None

    def __init__(self, source: Source, start: Position) -> None:
        self._lines = Lines(source)
        names = next(csv.reader([self._lines.first_line().decode("utf-8", "replace")]), [])
        if tuple(names[: len(REJECT_COLUMNS)]) != REJECT_COLUMNS:
            raise FileProblem(
                f"A rejects file begins with the columns {', '.join(REJECT_COLUMNS)}.", field=HEADER
            )
        self._row = start.row
        if start.offset:
            self._lines.go_to(start)

    def __iter__(self) -> Iterator[RawBatch]:
        while (block := self._lines.next_block()) is not None:
            rows: dict[Table, tuple[list[dict[str, str]], list[int]]] = {
                table: ([], []) for table in TABLES
            }
            rejects = list(block.rejects)
            layout = Layout.of(block.data, ",")
            used = layout.used(block) if layout else None
            if used is not None:
                self._lines.put_back(block, used)
            text = block.data[:used].decode("utf-8", "replace")
            reader = csv.reader(io.StringIO(text, newline="\n"))
            line = block.first_line
            for cells in reader:
                self._row += 1
                if len(cells) >= len(REJECT_COLUMNS):
                    _sort_out(cells, line, rows, rejects)
                elif cells:
                    rejects.append(Reject(line, WHOLE_ROW, "", "The row lacks columns; " + _AGAIN))
                line = block.first_line + reader.line_num
            # The place to go on from is told with the last of the block's batches.
            for table in TABLES:
                last = table == TABLES[-1]
                offset, next_line = self._lines.position
                yield RawBatch(
                    table,
                    {
                        name: pa.array([row.get(name) for row in rows[table][0]], pa.string())
                        for name in COLUMNS[table]
                        if any(name in row for row in rows[table][0])
                    },
                    np.array(rows[table][1], np.int64),
                    rejects if last else [],
                    Position(offset, next_line, self._row) if last else Position(),
                    self._lines.share,
                )


def _sort_out(
    cells: list[str],
    line: int,
    rows: dict[Table, tuple[list[dict[str, str]], list[int]]],
    rejects: list[Reject],
) -> None:
    """Put one row of the rejects file with its table, or among the rejects again."""
    field, value, row_text = cells[2].strip(), unguarded(cells[3]), unguarded(cells[5])
    if field in (WHOLE_FILE, HEADER):
        return  # about a file, not a row
    try:
        row = json.loads(row_text or "{}")
    except ValueError:
        row = None
    if not isinstance(row, dict) or not all(isinstance(cell, str) for cell in row.values()):
        rejects.append(
            Reject(line, WHOLE_ROW, "", "The column row holds no JSON object of texts any more.")
        )
        return
    if field == WHOLE_ROW:
        rejects.append(Reject(line, WHOLE_ROW, "", _AGAIN, row))
        return
    if field:
        row[field] = value
    table = table_of(row)
    if table is None:
        rejects.append(Reject(line, WHOLE_ROW, "", "The row belongs to no table. " + _AGAIN, row))
        return
    rows[table][0].append(row)
    rows[table][1].append(line)
