"""Carrying out an import: file by file, chunk by chunk, from wherever it had come to."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.db import connection

from accounts import services
from accounts.formats.detect import files_in, table_in
from accounts.formats.rows import FileProblem
from accounts.imports import rejects
from accounts.imports.database import ConnectionLost, Database
from accounts.imports.lane import Lane, Shared, Stopped
from accounts.imports.progress import FileProgress, Progress
from accounts.models import ImportBatch

Numbered = tuple[int, FileProgress]

_STOPPED: Final = "The import was stopped; start it again to go on, what was imported is kept."


def run_batch(batch_id: int, progress: Progress | None = None) -> ImportBatch:
    """Carry out an import, or go on with one that was interrupted; the batch as it ended.

    An import that is over is returned as it is. Each chunk of rows is one transaction together with
    the note of how far the file is read, so whatever is killed, nothing is lost or doubled.

    Raises AlreadyRunning when another process is at it; ConnectionLost when the database went away
    and DatabaseRefused when it took no more (the batch is then ``interrupted``);
    ImportBatch.DoesNotExist.
    """
    with Database() as db:
        db.claim(batch_id)
        batch = services.begin_import(batch_id=batch_id)
        if batch.is_over:
            return batch
        try:
            _carry_out(db, batch, progress)
        except ConnectionLost as lost:
            connection.close()
            services.interrupt_import(batch_id=batch_id, why=str(lost))
            raise
        except BaseException:
            services.interrupt_import(batch_id=batch_id, why=_STOPPED)
            raise
        connection.close_if_unusable_or_obsolete()
        path = rejects.gather(batch_id)
        batch = services.finish_import(batch_id=batch_id, rejects_file=path)
    rejects.discard_parts(batch_id)
    return batch


def _carry_out(db: Database, batch: ImportBatch, progress: Progress | None) -> None:
    """Accounts first, so that the rest finds them; then ties and events, side by side."""
    if not batch.files:
        files = [file.as_json() for file in _listed(Path(batch.path), batch.format)]
        batch = services.list_files(batch_id=batch.pk, files=files)
    numbered = [(place, FileProgress.of(entry)) for place, entry in enumerate(batch.files)]
    by_table: dict[str | None, list[Numbered]] = {"ties": [], "events": []}
    for place, file in numbered:
        by_table.setdefault(table_in(file.name), []).append((place, file))
    ties, events = by_table.pop("ties"), by_table.pop("events")
    shared = Shared(batch.pk, batch.format, progress, batch.rejected)
    first = Lane(db, shared)
    first.carry_out(sorted((pair for group in by_table.values() for pair in group), key=_place))
    if ties and events:
        _side_by_side(db, shared, ties, events)
    else:
        first.carry_out(ties or events)


def _side_by_side(
    db: Database, shared: Shared, ties: Sequence[Numbered], events: Sequence[Numbered]
) -> None:
    """Two lanes, each with a connection of its own: PostgreSQL then uses two processors."""
    with (
        Database(db.address) as other,
        ThreadPoolExecutor(1, thread_name_prefix="import-ties") as thread,
    ):
        beside = thread.submit(_or_stop, Lane(other, shared), shared, ties)
        with suppress(Stopped):
            _or_stop(Lane(db, shared), shared, events)
        beside.result()  # raises what stopped the other lane


def _or_stop(lane: Lane, shared: Shared, files: Sequence[Numbered]) -> None:
    """Let ``lane`` import ``files``; when it fails, the other lane stops too."""
    try:
        lane.carry_out(files)
    except BaseException:
        shared.stop.set()
        raise


def _place(numbered: Numbered) -> int:
    return numbered[0]


def _listed(path: Path, format_: str) -> list[FileProgress]:
    try:
        found = files_in(path, format_)
    except FileProblem as problem:
        return [FileProgress(str(path), path.name, problem.message)]
    return [FileProgress(str(file.path), file.name, file.problem) for file in found]
