"""JSON, one object a line: the objects of a block with their lines, and columns out of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from accounts.formats.lines import Block, Lines
from accounts.formats.rows import (
    COLUMNS,
    WHOLE_ROW,
    FileProblem,
    Position,
    RawBatch,
    Reject,
    Table,
    cut,
    shortened,
)
from accounts.formats.source import Source

Object = dict[str, Any]

_ABSENT: Final = object()


class JsonLines:
    """Objects of one file, block by block. Raises FileProblem."""

    def __init__(self, source: Source, start: Position) -> None:
        self._lines = Lines(source)
        self._row = start.row
        if start.offset:
            self._lines.go_to(start)

    def __iter__(self) -> Iterator[tuple[list[Object], list[int], list[Reject]]]:
        """Objects, their lines, and lines that are none."""
        while (block := self._lines.next_block()) is not None:
            objects, lines, rejects = _objects(block)
            self._row += len(objects) + len(rejects)
            yield objects, lines, [*block.rejects, *rejects]

    def batch(
        self, table: Table, objects: Sequence[Object], lines: Sequence[int], rejects: list[Reject]
    ) -> RawBatch:
        """Rows of ``table`` out of ``objects``, with how far the file is read by now."""
        columns, kept, refused = columns_of(table, objects, lines)
        offset, line = self._lines.position
        return RawBatch(
            table,
            columns,
            np.array(kept, np.int64),
            [*rejects, *refused],
            Position(offset, line, self._row),
            self._lines.share,
        )


def _objects(block: Block) -> tuple[list[Object], list[int], list[Reject]]:
    lines = block.data.split(b"\n")
    filled = [(block.first_line + place, line) for place, line in enumerate(lines) if line.strip()]
    try:
        parsed = json.loads(b"[" + b",".join(line for _, line in filled) + b"]")
    except (ValueError, RecursionError):
        parsed = None
    if (
        parsed is not None
        and len(parsed) == len(filled)
        and all(type(entry) is dict for entry in parsed)
    ):
        return parsed, [number for number, _ in filled], []
    return _one_by_one(filled)


def _one_by_one(
    filled: Sequence[tuple[int, bytes]],
) -> tuple[list[Object], list[int], list[Reject]]:
    objects, numbers, rejects = [], [], []
    for number, line in filled:
        try:
            entry = json.loads(line)
        except UnicodeDecodeError:
            rejects.append(_refused(number, line, "The text is not UTF-8; save the file as UTF-8."))
        except (ValueError, RecursionError):
            rejects.append(
                _refused(number, line, "This is no JSON object; write one complete object a line.")
            )
        else:
            if isinstance(entry, dict):
                objects.append(entry)
                numbers.append(number)
            else:
                rejects.append(
                    _refused(number, line, "This is JSON, but no object; write {…} on each line.")
                )
    return objects, numbers, rejects


def _refused(number: int, line: bytes, reason: str) -> Reject:
    # What stands on such a line is unknown, perhaps a message, so little of it is kept.
    return Reject(number, WHOLE_ROW, shortened(line.decode("utf-8", "replace"), 40), reason)


def columns_of(
    table: Table, objects: Sequence[Object], lines: Sequence[int]
) -> tuple[dict[str, pa.Array], Sequence[int], list[Reject]]:
    """Text columns of ``table``, the lines of the rows kept, and rows with values that are no text.

    A member that is absent is null (not stated), a JSON null is "" (stated as empty).
    """
    try:
        columns = {name: _plain(name, objects) for name in COLUMNS[table]}
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        rows, kept, rejects = _careful(table, objects, lines)
        columns = {
            name: pa.array([row.get(name) for row in rows], pa.string()) for name in COLUMNS[table]
        }
        return _used(columns), kept, rejects
    return _used(columns), lines, []


def _plain(name: str, objects: Sequence[Object]) -> pa.Array:
    column = pa.array([entry.get(name) for entry in objects], pa.string())
    if column.null_count and any(entry.get(name, _ABSENT) is None for entry in objects):
        values = ["" if (v := entry.get(name, _ABSENT)) is None else v for entry in objects]
        return pa.array([None if v is _ABSENT else v for v in values], pa.string())
    return column


def _used(columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
    return {name: column for name, column in columns.items() if column.null_count < len(column)}


def _careful(
    table: Table, objects: Sequence[Object], lines: Sequence[int]
) -> tuple[list[dict[str, str]], list[int], list[Reject]]:
    rows, kept, rejects = [], [], []
    for entry, line in zip(objects, lines, strict=True):
        row: dict[str, str] = {}
        wrong = None
        for name in COLUMNS[table]:
            if name in entry:
                text = as_text(entry[name])
                if text is None:
                    wrong = wrong or name
                    text = json.dumps(entry[name])
                row[name] = text
        if wrong is None:
            rows.append(row)
            kept.append(line)
        else:
            reason = "This must be a text or a whole number, nothing nested; correct it."
            rejects.append(Reject(line, wrong, cut(row[wrong]), reason, row))
    return rows, kept, rejects


def as_text(value: object) -> str | None:
    """A JSON value as text; None for what is none: nested, true, false, broken Unicode."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return None
        return value
    return None


def empty_file() -> FileProblem:
    return FileProblem("The file is empty; it needs one JSON object a line.")
