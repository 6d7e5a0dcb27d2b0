"""Files of an import one after the other, over one connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from accounts.formats.detect import Found, Reader, format_of, reader_for
from accounts.formats.rows import FileProblem, Table
from accounts.formats.source import Source
from accounts.imports import merge_accounts, merge_events, merge_ties, rejects
from accounts.imports.ahead import ahead
from accounts.imports.database import Database, Seen
from accounts.imports.merged import Merged
from accounts.imports.progress import FileProgress, Progress
from accounts.validation import Rows, validate

MERGES: Final[dict[Table, Callable[[Database, Rows, int], Merged]]] = {
    "accounts": merge_accounts.merge,
    "ties": merge_ties.merge,
    "events": merge_events.merge,
}

ASKED: Final[dict[Table, Callable[[Rows], dict[str, pa.Array]]]] = {
    "ties": merge_ties.asked,
    "events": merge_events.asked,
}


class Stopped(Exception):
    """Another lane of the import failed, so this one went no further."""


@dataclass(slots=True)
class Shared:
    """What the lanes of one import have in common."""

    batch_id: int
    format: str
    progress: Progress | None
    rejects_shown: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def room_for_rejects(self, wanted: int) -> int:
        """How many of ``wanted`` rejected rows the page of the import still has room for."""
        with self.lock:
            room = max(0, min(wanted, rejects.SHOWN - self.rejects_shown))
            self.rejects_shown += room
        return room


class Lane:
    """Imports files, each chunk of rows in one transaction with the note of how far it is read."""

    def __init__(self, db: Database, shared: Shared) -> None:
        self._db, self._shared = db, shared

    def carry_out(self, files: Iterable[tuple[int, FileProgress]]) -> None:
        """Import ``files``, each with its place in ``ImportBatch.files``."""
        for place, file in files:
            if not file.done:
                _File(self._db, self._shared, place, file).carry_out()


class _File:
    def __init__(self, db: Database, shared: Shared, place: int, file: FileProgress) -> None:
        self._db, self._shared, self._place, self._file = db, shared, place, file
        self._rejects = rejects.Part(shared.batch_id, place)
        self._notices: list[str] = []

    def carry_out(self) -> None:
        file = self._file
        if file.begin():
            self._notice("It changed since it was begun, so it was read from the start.")
        self._rejects.cut_to(file.rejects_bytes)
        refused = Merged()
        try:
            if file.problem:
                raise FileProblem(file.problem)
            found = Found(Path(file.path), file.name)
            format_ = format_of(found.path, self._shared.format)
            with Source(found.path) as source:
                reader = reader_for(source, found, format_, file.position)
                self._read(reader)
        except FileProblem as problem:
            refused.rejects.append(problem.as_reject())
        else:
            for notice in reader.notices:
                self._notice(notice)
        with self._db.chunk("accounts"):
            file.done = True
            self._note(refused, {})

    def _read(self, reader: Reader) -> None:
        file, future, rows_in_future = self._file, None, 0
        for rows, seen in ahead(self._looked_up(reader)):
            if self._shared.stop.is_set():
                raise Stopped
            self._db.seen = seen
            with self._db.chunk(rows.table):
                merged = MERGES[rows.table](self._db, rows, self._shared.batch_id)
                merged.rejects = sorted(
                    [*rows.rejects, *merged.rejects], key=lambda reject: reject.line
                )
                file.reached(rows.position)
                self._note(
                    merged,
                    {f"accepted_{rows.table}": merged.accepted, "duplicates": merged.duplicates},
                )
            latest, count = rows.future
            future = max(filter(None, (future, latest)), default=None)
            rows_in_future += count
            if self._shared.progress is not None:
                self._shared.progress(file.name, rows.share, file.row)
        self._db.seen = {}  # true a moment ago, not for ever
        if not file.row:
            self._notice("It has a header and no rows.")
        if future is not None:
            self._notice_future(future, rows_in_future)

    def _looked_up(self, reader: Reader) -> Iterator[tuple[Rows, dict[str, Seen]]]:
        """Checked rows, and what they name as far as it is there, by a session of its own.

        So the database looks up what one chunk names while it writes the one before. The first is
        not waited for by any, and a small import needs no second session.
        """
        with ExitStack() as stack:
            beside = None
            for number, rows in enumerate(_checked(reader)):
                if number == 0 or not len(rows) or rows.table not in ASKED:
                    yield rows, {}
                    continue
                if beside is None:
                    beside = stack.enter_context(Database(self._db.address))
                yield rows, beside.foresee(ASKED[rows.table](rows))

    # -- what is noted with each chunk -------------------------------------------------------

    def _note(self, merged: Merged, counts: dict[str, int]) -> None:
        """Write down what became of a chunk, in its transaction."""
        refused = [(self._file.name, reject) for reject in merged.rejects]
        refused += [(f"import {late.batch_id}", late.reject) for late in merged.late]
        for late_batch in sorted({late.batch_id for late in merged.late}):
            count = sum(late.batch_id == late_batch for late in merged.late)
            self._notice(
                f"{count:,} rows of import {late_batch} that had waited for an event do not fit "
                "it, now that it is here; they left the graph and are among the rejected rows."
            )
        if refused:
            self._file.rejects_bytes = self._rejects.write(refused)
            room = self._shared.room_for_rejects(len(refused))
            if room:
                rejects.show(self._db, self._shared.batch_id, refused[:room])
        self._db.note_progress(
            self._shared.batch_id,
            place=self._place,
            file=self._file.as_json(),
            notices=self._notices,
            counts={**counts, "rejected": len(refused)},
        )
        self._notices.clear()

    def _notice_future(self, latest: datetime, count: int) -> None:
        self._notice(
            f"{count:,} times lie in the future, the latest {latest:%Y-%m-%d %H:%M} UTC; "
            "check the clock and the offset of the export."
        )

    def _notice(self, text: str) -> None:
        self._notices.append(f"{self._file.name}: {text}")


def _checked(reader: Reader) -> Iterator[Rows]:
    for batch in reader:
        yield validate(batch)
