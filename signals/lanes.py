"""Reading large tables over several connections at once, which all see the same rows.

PostgreSQL sends the rows of one connection from one process, and turning them into Arrow takes a
thread as long again. So the tables are cut into ranges of pages, and each connection takes the next
range when it has read one. All of them share the snapshot of the first: what is committed meanwhile
is seen by none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from signals import arrow
from signals.engine.machine import threads

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Cursor

ROWS_BYTES: Final = 16 * 1024 * 1024
"""Size of the batches that rows arrive in, about."""

RANGE_BYTES: Final = 64 * 1024 * 1024
"""Size of the pages that one connection reads before it looks for more work."""

MOST_LANES: Final = 4

Work = Callable[[pa.RecordBatch], pa.RecordBatch]
"""What is done with each batch, in the thread that read it."""


@dataclass
class Range:
    """Some pages of a table: how to read them, and what became of their rows."""

    query: str
    work: Work
    batches: list[pa.RecordBatch] = field(default_factory=list)


def ranges(cursor: Cursor, table: str, query: str, work: Work) -> list[Range]:
    """The whole of ``table``, read by ``query``, which ends in a WHERE clause."""
    cursor.execute(f"SELECT pg_relation_size('{table}'), current_setting('block_size')::int")
    ((size, page),) = cursor.fetchall()
    step = max(1, RANGE_BYTES // page)
    starts = range(0, max(1, size // page), step)
    # The last range has no end: no page is left out, whatever has grown meanwhile.
    return [
        Range(
            f"{query} AND ctid >= '({start},0)'::tid"
            + ("" if start == starts[-1] else f" AND ctid < '({start + step},0)'::tid"),
            work,
        )
        for start in starts
    ]


@contextmanager
def one_snapshot() -> Iterator[list[Cursor]]:
    """Cursors of as many connections as can be kept busy; all see the rows of one instant."""
    with ExitStack() as stack:
        cursors: list[Cursor] = []
        snapshot = None
        for _ in range(max(2, min(MOST_LANES, threads()))):
            cursor = stack.enter_context(stack.enter_context(arrow.connect()).cursor())
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if snapshot is None:
                cursor.execute("SELECT pg_export_snapshot()")
                ((snapshot,),) = cursor.fetchall()
            else:
                cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            cursors.append(cursor)
        yield cursors


def read(cursors: Sequence[Cursor], wanted: Sequence[Range], told: Callable[[int], None]) -> None:
    """Read all ranges into their ``batches``. ``told`` is called with rows, in this thread.

    What ``told`` or a reader raises ends the reading.
    """
    done: SimpleQueue[int] = SimpleQueue()
    stopped = threading.Event()
    left = iter(list(wanted))
    taking = threading.Lock()

    def lane(cursor: Cursor) -> None:
        try:
            while not stopped.is_set():
                with taking:
                    part = next(left, None)
                if part is None:
                    return
                for batch in rows(cursor, part.query):
                    if stopped.is_set():
                        return
                    part.batches.append(part.work(batch))
                    done.put(batch.num_rows)
        except BaseException:
            stopped.set()
            raise
        finally:
            done.put(-1)

    with ThreadPoolExecutor(len(cursors), "lane") as pool:
        running = [pool.submit(lane, cursor) for cursor in cursors]
        try:
            ended = 0
            while ended < len(running):
                found = done.get()
                if found < 0:
                    ended += 1
                else:
                    told(found)
        finally:
            stopped.set()
        for one in running:
            one.result()


def rows(cursor: Cursor, query: str) -> pa.RecordBatchReader:
    """The rows of ``query``, batch by batch as they arrive.

    Values stand in the text: a bound parameter would keep the driver from using COPY.
    """
    from adbc_driver_postgresql import StatementOptions

    cursor.adbc_statement.set_options(
        **{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(ROWS_BYTES)}
    )
    cursor.execute(query)
    return cursor.fetch_record_batch()
