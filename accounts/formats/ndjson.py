"""NDJSON: the columns of an import file as members of one object a line."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.formats.header import table_of, unused_notice
from accounts.formats.json_lines import JsonLines, empty_file
from accounts.formats.rows import REQUIRED, FileProblem, Position, RawBatch, Table
from accounts.formats.source import Source


class NdjsonReader:
    """Reads one NDJSON file. Raises FileProblem when it cannot be used, or not further."""

    def __init__(self, source: Source, table: Table | None, start: Position) -> None:
        self._objects = JsonLines(source, start)
        self._start = start
        self.table = table
        self.notices: list[str] = []

    def __iter__(self) -> Iterator[RawBatch]:
        nothing = not self._start.offset
        for objects, lines, rejects in self._objects:
            if nothing and objects:
                members = sorted(set().union(*objects))
                self.table = self.table or table_of(members)
                if self.table is None:
                    raise FileProblem(
                        "The objects name no table: accounts need account_id; ties a, b and kind; "
                        f"events {', '.join(REQUIRED['events'])}."
                    )
                self.notices += unused_notice(members, self.table)
            nothing = nothing and not objects and not rejects
            yield self._objects.batch(self.table or "events", objects, lines, rejects)
        if nothing:
            raise empty_file()
