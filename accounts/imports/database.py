"""The import's own connection to PostgreSQL: Arrow in and out, explicit transactions.

Django's connection is beside it; what the import writes becomes visible there with each commit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Self

import adbc_driver_manager as adbc
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection
from numpy.typing import NDArray

from accounts import arrow

_RUNNER_LOCK: Final = 0x5174_6A02
"""First key of the lock that a running import holds; the second is its number."""

_UNIQUE_VIOLATION: Final = "23505"
_GONE: Final = ("08", "57P", "40")
"""Classes of SQLSTATE: connection gone, server stopping, transaction to be tried again."""

_TABLE_LOCK: Final = 0x5174_6A01
"""First key of the locks under which the graph's tables change; the second is the table's place in
``LOCK_ORDER``. One chunk at a time changes a table, by whichever import: that rules out rows
doubled between looking and writing. Taken in this order, the locks rule out deadlocks too."""

LOCK_ORDER: Final = ("events", "ties", "accounts")

_TEMPORARY: Final = {
    "import_names": 'place int4, name text COLLATE "C"',
    "import_tie_keys": "place int4, a int8, b int8, kind text, since timestamptz",
    "import_tie_ends": "id int8, until timestamptz",
    "import_references": "id int8, ref int8",
    "import_regions": "id int8, region text",
    "import_accounts": """
        id int8, display_name text, birth_date date, birth_year int2, age_band text,
        age_source text, gender text, region text, community text, role text,
        created_at timestamptz, status text""",
}


class ConnectionLost(Exception):
    """The database went away. What was committed stays; the rest can be done again."""


class DatabaseRefused(Exception):
    """The database did not take the rows, for want of space or for a reason that is ours."""


class AlreadyRunning(Exception):
    """Another process is carrying out this import."""


class AlreadyThere(Exception):
    """A row with the same key is in the table already."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What another session found a moment ago: a row for each of ``names`` that was there."""

    names: pa.Array
    rows: pa.Table


class Database:
    """One session. Use as a context manager; every method raises ConnectionLost."""

    def __init__(self, address: str = "") -> None:
        self.address = address or arrow.address()
        with _translated():
            # With autocommit the driver keeps out of transactions, which savepoints need.
            self._adbc = arrow.open_connection(self.address, autocommit=True)
            self._cursor = self._adbc.cursor()
            self.run("SET TIME ZONE 'UTC'")
            # Rows are found by index, however large the tables grow: what a chunk costs depends on
            # the chunk, not on what is there already.
            self.run("SET enable_hashjoin TO off")
            self.run("SET enable_mergejoin TO off")
        self.expects_known: set[str] = set()  # tables whose rows are likely there already
        self.seen: Mapping[str, Seen] = {}  # by query: need not be looked up again
        self._temporary: set[str] = set()  # those that this session has made

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(adbc.Error):
            self._cursor.close()
        with suppress(adbc.Error):
            self._adbc.close()

    # -- locks and transactions ------------------------------------------------------------

    def claim(self, batch_id: int) -> None:
        """Mark the import as being carried out, until this session ends. Raises AlreadyRunning."""
        query = f"SELECT pg_try_advisory_lock({_RUNNER_LOCK}, {batch_id % 2**31}) AS mine"
        if not self.fetch(query)["mine"][0].as_py():
            raise AlreadyRunning(f"Import {batch_id} is being carried out by another process.")

    @contextmanager
    def chunk(self, table: str, *, durable: bool = False) -> Iterator[None]:
        """A transaction that alone changes ``table``.

        Not ``durable``: a crash of the server may take the last chunks, whole, with the note of how
        far the import had come.
        """
        made = set(self._temporary)
        self.run("BEGIN")
        try:
            if not durable:
                self.run("SET LOCAL synchronous_commit TO off")
            self.lock(table)
            yield
            self.run("COMMIT")
        except BaseException:
            self._temporary = made
            with suppress(ConnectionLost, adbc.Error):
                self.run("ROLLBACK")
            raise

    def lock(self, table: str) -> None:
        """Let no other transaction change ``table`` from here to the end of this one."""
        self.run(f"SELECT pg_advisory_xact_lock({_TABLE_LOCK}, {LOCK_ORDER.index(table)})")

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo the block when it meets a row that is there already, and raise AlreadyThere."""
        made = set(self._temporary)
        self.run("SAVEPOINT attempt")
        try:
            yield
        except AlreadyThere:
            self._temporary = made
            self.run("ROLLBACK TO SAVEPOINT attempt")
            raise
        self.run("RELEASE SAVEPOINT attempt")

    # -- rows ------------------------------------------------------------------------------

    def run(self, statement: str, parameters: Sequence[Any] | None = None) -> None:
        with _translated():
            self._cursor.execute(statement, parameters)

    def fetch(self, query: str, parameters: Sequence[Any] | None = None) -> pa.Table:
        with _translated():
            self._cursor.execute(query, parameters)
            return self._cursor.fetch_arrow_table().combine_chunks()

    def count(self, query: str) -> int:
        """The one number that ``query`` gives, 0 for null."""
        return int(self.fetch(query).column(0)[0].as_py() or 0)

    def copy(self, table: str, columns: Mapping[str, Any]) -> None:
        """COPY rows into ``table``. Raises AlreadyThere where a key is taken."""
        temporary = table in _TEMPORARY
        if temporary:
            self._make_temporary(table)
        with _translated():
            self._cursor.adbc_ingest(
                table, pa.table(dict(columns)), mode="append", temporary=temporary
            )

    def clear(self, table: str) -> None:
        """Have the temporary table without rows; at the end of a transaction they go anyway."""
        if table in self._temporary:
            self.run(f"DELETE FROM {table}")  # noqa: S608 - a table of ours
        else:
            self._make_temporary(table)

    def _make_temporary(self, table: str) -> None:
        if table not in self._temporary:
            columns = _TEMPORARY[table]
            self.run(f"CREATE TEMP TABLE {table} ({columns}) ON COMMIT DELETE ROWS")
            self._temporary.add(table)

    def new_ids(self, table: str, count: int) -> NDArray[np.int64]:
        """``count`` fresh primary keys, ascending."""
        # The sequence as a constant: looked up for each row, it costs as much as the row.
        query = f"SELECT nextval('{table}_id_seq') AS id FROM generate_series(1, {int(count)})"  # noqa: S608 - a table of ours and a number
        ids: NDArray[np.int64] = self.fetch(query)["id"].to_numpy()
        return ids

    def look_up(self, names: pa.Array, query: str) -> pa.Table:
        """The rows of ``query``, which joins ``import_names``: ``place`` is a position in names.

        What is in ``seen`` is taken from there, and only the rest asked for.
        """
        seen = self.seen.get(query)
        if seen is None or not len(seen.names):
            return self._look_up(names, query)
        row = pc.index_in(names, value_set=seen.names)
        places = pa.array(np.arange(len(names), dtype=np.int32))
        known, new = places.filter(row.is_valid()), places.filter(row.is_null())
        found = [_at_places(seen.rows.take(row.drop_null()), known)]
        if len(new):
            rest = self._look_up(names.take(new), query)
            found.append(_at_places(rest, new.take(rest["place"].combine_chunks())))
        return pa.concat_tables(found).combine_chunks()

    def _look_up(self, names: pa.Array, query: str) -> pa.Table:
        self.clear("import_names")
        # In the order of the index, neighbours are found on the same page.
        places = pc.sort_indices(names)
        self.copy("import_names", {"place": places.cast(pa.int32()), "name": names.take(places)})
        return self.fetch(query)

    def foresee(self, asked: Mapping[str, pa.Array]) -> dict[str, Seen]:
        """What ``look_up`` finds of these names now, by query, for another session's ``seen``.

        Rows that say they are ``passing`` are left to be asked for when their turn comes: an
        account that nothing but waiting rows name goes where these turn out not to fit.
        """
        seen = {}
        self.run("BEGIN")
        try:
            for query, names in asked.items():
                rows = self._look_up(names, query)
                if "passing" in rows.column_names:
                    rows = rows.filter(pc.invert(rows["passing"]))
                seen[query] = Seen(names.take(rows["place"].combine_chunks()), rows)
        finally:
            self.run("COMMIT")
        return seen

    def note_progress(
        self,
        batch_id: int,
        *,
        place: int,
        file: dict[str, Any],
        notices: Sequence[str],
        counts: Mapping[str, int],
    ) -> None:
        """Write how far the file at ``place`` has come, in the transaction of the rows themselves.

        Other files' notes are left alone: they may be imported at the same time.
        """
        self.add_counts(batch_id, counts)
        self.run(
            "UPDATE accounts_importbatch SET notices = notices || $1::jsonb,"
            " files = jsonb_set(files, ARRAY[$2], $3::jsonb) WHERE id = $4",
            (json.dumps(list(notices)), str(place), json.dumps(file), batch_id),
        )

    def add_counts(self, batch_id: int, counts: Mapping[str, int]) -> None:
        """Raise columns of the import by so much, in the transaction of the rows themselves."""
        sums = ", ".join(f"{name} = {name} + {int(more)}" for name, more in counts.items())
        self.run(f"UPDATE accounts_importbatch SET {sums} WHERE id = {int(batch_id)}")  # noqa: S608 - names of columns and whole numbers


def _at_places(rows: pa.Table, places: pa.Array) -> pa.Table:
    return rows.set_column(rows.column_names.index("place"), "place", places)


def is_running(batch_id: int) -> bool:
    """Whether a process is carrying out the import now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND classid = %s AND objid = %s AND objsubid = 2)",
            [_RUNNER_LOCK, batch_id % 2**31],
        )
        (running,) = cursor.fetchone()
    return bool(running)


@contextmanager
def _translated() -> Iterator[None]:
    """The driver's errors as ours. Their text quotes rows, so it goes no further than the cause."""
    try:
        yield
    except adbc.Error as error:
        state = error.sqlstate or ""
        if state == _UNIQUE_VIOLATION:
            raise AlreadyThere from error
        if not state or state.startswith(_GONE):
            raise ConnectionLost(
                "The connection to the database was lost; what was imported so far is kept."
            ) from error
        raise DatabaseRefused(
            f"The database did not take the rows (SQLSTATE {state}); "
            "what was imported so far is kept."
        ) from error
