"""CSV: pyarrow reads blocks that are well formed; `csv_repair` takes the others row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from accounts.formats import csv_repair
from accounts.formats.header import read_header
from accounts.formats.lines import LONGEST_LINE, Block, Lines
from accounts.formats.rows import FileProblem, Position, RawBatch, Table
from accounts.formats.source import Source

_QUOTE: Final = ord('"')
_NEWLINE: Final = ord("\n")
_RETURN: Final = ord("\r")


class CsvReader:
    """Reads one CSV file. Raises FileProblem when the file cannot be used, or not further."""

    def __init__(self, source: Source, table: Table | None, start: Position) -> None:
        self._lines = Lines(source)
        first = self._lines.first_line()
        if not first.strip():
            raise FileProblem(
                "The file is empty; it needs a header line with the column names, then rows."
            )
        self.header = read_header(first, table)
        self.table = self.header.table
        self.notices = list(self.header.notices)
        self._row = start.row
        if start.offset:
            self._lines.go_to(start)

    def __iter__(self) -> Iterator[RawBatch]:
        while (block := self._lines.next_block()) is not None:
            batch = self._batch(block)
            self._row += len(batch) + len(batch.rejects)
            offset, line = self._lines.position
            batch.position = Position(offset, line, self._row)
            batch.share = self._lines.share
            yield batch

    def _batch(self, block: Block) -> RawBatch:
        layout = Layout.of(block.data, self.header.delimiter)
        if layout is not None:
            used = layout.used(block)
            if used is not None:
                batch = self._parsed(block, layout, used)
                if batch is not None:
                    if used < len(block.data):
                        self._lines.put_back(block, used)
                    batch.rejects.extend(block.rejects)
                    return batch
        columns, lines, rejects, used = csv_repair.read(
            block.data, self.header, block.first_line, final=block.final
        )
        if used < len(block.data):
            self._lines.put_back(block, used)
        return RawBatch(self.table, columns, lines, [*block.rejects, *rejects])

    def _parsed(self, block: Block, layout: Layout, used: int) -> RawBatch | None:
        """The rows by pyarrow, or None when it sees other rows than ``layout`` does."""
        starts = layout.records(block.data, used) if used else np.array([], np.int64)
        if not len(starts):
            return RawBatch(self.table, self._no_rows(), np.array([], np.int64))
        names = [str(place) for place in range(len(self.header.names))]
        ragged: list[tuple[int, str]] = []

        def keep(row: pacsv.InvalidRow) -> str:
            ragged.append((row.number - 1, row.text))
            return "skip"

        places = [str(place) for place in self.header.known.values()]
        try:
            table = pacsv.read_csv(
                pa.BufferReader(pa.py_buffer(block.data).slice(0, used)),
                pacsv.ReadOptions(use_threads=False, column_names=names, block_size=used + 1),
                pacsv.ParseOptions(
                    delimiter=self.header.delimiter,
                    newlines_in_values=True,
                    invalid_row_handler=keep,
                ),
                pacsv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), include_columns=places
                ),
            )
        except (pa.ArrowInvalid, UnicodeDecodeError):
            return None  # text that is no UTF-8
        if table.num_rows + len(ragged) != len(starts):
            return None
        lines = block.first_line + layout.line_of(starts)
        rejects = []
        if ragged:
            rejects = [
                csv_repair.ragged(int(lines[row]), text, self.header) for row, text in ragged
            ]
            lines = np.delete(lines, [row for row, _ in ragged])
        columns = {
            name: pa.concat_arrays(column.chunks)
            if (column := table.column(str(place))).num_chunks != 1
            else column.chunk(0)
            for name, place in self.header.known.items()
        }
        return RawBatch(self.table, columns, lines, rejects)

    def _no_rows(self) -> dict[str, pa.Array]:
        return {name: pa.array([], pa.string()) for name in self.header.known}


class Layout:
    """Where the rows of a well-formed block begin. Without quotation marks a line is a row."""

    def __init__(
        self, ends: NDArray[np.int64], row_ends: NDArray[np.int64], unclosed: bool
    ) -> None:
        self._ends, self._row_ends, self._unclosed = ends, row_ends, unclosed

    @classmethod
    def of(cls, data: bytes, delimiter: str) -> Layout | None:
        """None where quotation marks or carriage returns stand in unexpected places."""
        if data.count(b"\r") != data.count(b"\r\n"):
            return None
        text = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(text == _NEWLINE)
        if b'"' not in data:
            return cls(ends, ends, unclosed=False)
        quotes = np.flatnonzero(text == _QUOTE)
        opening, closing = quotes[::2], quotes[1::2]
        edges = np.zeros(256, bool)
        edges[[_QUOTE, _NEWLINE, _RETURN, ord(delimiter)]] = True
        before = np.where(opening > 0, text[opening - 1], _NEWLINE)
        after = text[np.minimum(closing + 1, len(text) - 1)]
        last = closing + 1 >= len(text)
        if not (edges[before].all() and (edges[after] | last).all()):
            return None
        inside = np.searchsorted(quotes, ends) % 2 == 1
        return cls(ends, ends[~inside], unclosed=len(quotes) % 2 == 1)

    def used(self, block: Block) -> int | None:
        """How many bytes are whole rows; None where a quotation mark is never closed."""
        if not self._unclosed:
            return len(block.data)
        whole = int(self._row_ends[-1]) + 1 if len(self._row_ends) else 0
        if block.final or len(block.data) - whole > LONGEST_LINE or not whole:
            return None
        return whole

    def records(self, data: bytes, used: int) -> NDArray[np.int64]:
        """Where rows begin, without blank lines."""
        row_ends = self._row_ends[self._row_ends < used]
        starts = np.concatenate(([0], row_ends + 1))
        ends = np.concatenate((row_ends, [used]))
        text = np.frombuffer(data, np.uint8)
        blank = (ends == starts) | (
            (ends == starts + 1) & (text[np.minimum(starts, len(text) - 1)] == _RETURN)
        )
        filled: NDArray[np.int64] = starts[~blank]
        return filled

    def line_of(self, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many lines end before each of ``starts``."""
        lines: NDArray[np.int64] = np.searchsorted(self._ends, starts)
        return lines
