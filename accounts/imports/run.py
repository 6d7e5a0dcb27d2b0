"""Carrying out an import: file by file, chunk by chunk, from wherever it had come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import connection

from accounts import services
from accounts.formats.detect import Found, Reader, files_in, format_of, reader_for
from accounts.formats.rows import FileProblem, Table
from accounts.formats.source import Source
from accounts.imports import merge_accounts, merge_events, merge_ties, rejects
from accounts.imports.ahead import ahead
from accounts.imports.database import ConnectionLost, Database
from accounts.imports.merged import Merged
from accounts.imports.progress import FileProgress, Progress
from accounts.models import ImportBatch
from accounts.validation import Rows, validate

_MERGES: Final[dict[Table, Callable[[Database, Rows, int], Merged]]] = {
    "accounts": merge_accounts.merge,
    "ties": merge_ties.merge,
    "events": merge_events.merge,
}

_STOPPED: Final = "The import was stopped; start it again to go on, what was imported is kept."


def run_batch(batch_id: int, progress: Progress | None = None) -> ImportBatch:
    """Carry out an import, or go on with one that was interrupted; the batch as it ended.

    An import that is over is returned as it is. Each chunk of rows is one transaction together with
    the note of how far the file is read, so whatever is killed, nothing is lost or doubled.

    Raises AlreadyRunning when another process is at it, ConnectionLost when the database went away
    (the batch is then ``interrupted``), ImportBatch.DoesNotExist.
    """
    with Database() as db:
        db.claim(batch_id)
        batch = services.begin_import(batch_id=batch_id)
        if batch.is_over:
            return batch
        try:
            _Run(db, batch, progress).carry_out()
        except ConnectionLost as lost:
            connection.close()
            services.interrupt_import(batch_id=batch_id, why=str(lost))
            raise
        except BaseException:
            services.interrupt_import(batch_id=batch_id, why=_STOPPED)
            raise
        connection.close_if_unusable_or_obsolete()
        return services.finish_import(batch_id=batch_id)


class _Run:
    def __init__(self, db: Database, batch: ImportBatch, progress: Progress | None) -> None:
        self._db, self._batch, self._progress = db, batch, progress
        self._rejects = rejects.RejectsFile(batch.pk)
        self._rejects.cut_to(batch.rejects_bytes)
        self._shown = batch.rejected
        self._notices = list(batch.notices)
        self._files = [FileProgress.of(entry) for entry in batch.files]

    def carry_out(self) -> None:
        if not self._files:
            try:
                found = files_in(Path(self._batch.path), self._batch.format)
            except FileProblem as problem:
                name = Path(self._batch.path).name
                self._files = [FileProgress(self._batch.path, name, problem.message)]
            else:
                self._files = [FileProgress(str(f.path), f.name, f.problem) for f in found]
        for file in self._files:
            if not file.done:
                self._import(file)

    # -- one file --------------------------------------------------------------------------

    def _import(self, file: FileProgress) -> None:
        if file.begin():
            self._notice(file, "It changed since it was begun, so it was read from the start.")
        try:
            if file.problem:
                raise FileProblem(file.problem)
            found = Found(Path(file.path), file.name)
            format_ = format_of(found.path, self._batch.format)
            with Source(found.path) as source:
                reader = reader_for(source, found, format_, file.position)
                self._read(file, reader)
        except FileProblem as problem:
            with self._db.chunk():
                file.done = True
                self._note(file, Merged(rejects=[problem.as_reject()]), "accepted_events")
        else:
            for notice in reader.notices:
                self._notice(file, notice)
            with self._db.chunk():
                file.done = True
                self._note(file, Merged(), "accepted_events")

    def _read(self, file: FileProgress, reader: Reader) -> None:
        future: tuple[datetime | None, int] = (None, 0)
        for rows in ahead(_checked(reader)):
            with self._db.chunk():
                merged = _MERGES[rows.table](self._db, rows, self._batch.pk)
                merged.rejects = sorted(
                    [*rows.rejects, *merged.rejects], key=lambda reject: reject.line
                )
                file.reached(rows.position)
                self._note(file, merged, f"accepted_{rows.table}")
            latest, count = rows.future
            if latest is not None:
                future = (max(filter(None, (future[0], latest))), future[1] + count)
            if self._progress is not None:
                self._progress(file.name, rows.share, file.row)
        if not file.row:
            self._notice(file, "It has a header and no rows.")
        if future[0] is not None:
            self._notice(
                file,
                f"{future[1]:,} times lie in the future, the latest {future[0]:%Y-%m-%d %H:%M} "
                "UTC; check the clock and the offset of the export.",
            )

    # -- what is noted with each chunk -------------------------------------------------------

    def _note(self, file: FileProgress, merged: Merged, accepted: str) -> None:
        """Write down what became of a chunk, in its transaction."""
        refused = [(file.name, reject) for reject in merged.rejects]
        refused += [(f"import {late.batch_id}", late.reject) for late in merged.late]
        if refused:
            self._rejects.write(refused)
            room = rejects.SHOWN - self._shown
            if room > 0:
                rejects.show(self._db, self._batch.pk, refused[:room])
            self._shown += len(refused)
        self._db.note_progress(
            self._batch.pk,
            files=[entry.as_json() for entry in self._files],
            notices=self._notices,
            rejects=(str(self._rejects.path), self._rejects.size) if self._shown else ("", 0),
            counts={
                accepted: merged.accepted,
                "duplicates": merged.duplicates,
                "rejected": len(refused),
            },
        )
        for late_batch in sorted({late.batch_id for late in merged.late}):
            count = sum(late.batch_id == late_batch for late in merged.late)
            self._notice(
                file,
                f"{count:,} rows of import {late_batch} that had waited for an event do not fit "
                "it, now that it is here; they left the graph and are among the rejected rows.",
            )

    def _notice(self, file: FileProgress, text: str) -> None:
        notice = f"{file.name}: {text}"
        if notice not in self._notices:
            self._notices.append(notice)


def _checked(reader: Reader) -> Iterator[Rows]:
    for batch in reader:
        yield validate(batch)
