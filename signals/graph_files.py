"""The graph out of Parquet files instead of PostgreSQL: a folder, or an object store's address.

The folder holds ``accounts``, ``ties`` and ``events``, each as ``NAME.parquet``: a file, or a
folder of files. Two forms are read, told apart by the accounts' columns: with ``account_id``, the
platform's own identifiers in the columns of an import; with ``id``, the numbers of this database,
in the columns of ``signals.engine.tables``. ``docs/spark.md`` describes both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from signals.engine.tables import SCHEMAS, conform, empty
from signals.errors import GraphUnreadable

NAMES: Final = ("accounts", "ties", "events")
OUTCOMES: Final = ("Accept", "Reject", "Ignore", "Undo")  # these name an event
_FIRST_EVENT: Final = 2**40
"""Numbers from here on are for events that only the files hold: no row of the database has them."""

Known = Callable[[], tuple[pa.Array, pa.Array]]
"""Gives the database's accounts: their numbers, and beside them the platform's identifiers."""


def state(address: str) -> list[list[Any]]:
    """What a new version of the files would change: name, size in bytes and time of each."""
    try:
        found: list[list[Any]] = []
        for name in NAMES:
            store, path = _place(address, name)
            found += [[name, info.size, str(info.mtime)] for info in _files(store, path)]
    except (OSError, pa.ArrowException, GraphUnreadable) as error:
        # the run itself says what is wrong
        return [["unreadable", 0, type(error).__name__]]
    return sorted(found)


def read(address: str, known: Known) -> dict[str, pa.Table]:
    """Accounts, ties and events under the numbers of this database.

    Rows that name an account or event which is not there wait, as in an import: they are left out.
    Raises GraphUnreadable, in one sentence, for a folder that cannot be reached, a column that does
    not fit, and for accounts that the database does not know: no case could be opened on them.
    """
    tables = {name: _read(address, name) for name in NAMES}
    accounts = tables["accounts"]
    if accounts is None:
        raise GraphUnreadable(f"SIGNALS_GRAPH: {address} holds no accounts.parquet.")
    numbers, names = known()
    try:
        if "account_id" in accounts.column_names:
            found = _named(accounts, tables["ties"], tables["events"], numbers, names)
        else:
            found = {
                name: empty(name) if table is None else conform(name, table)
                for name, table in tables.items()
            }
    except ValueError as error:
        raise GraphUnreadable(f"SIGNALS_GRAPH: {address}: {error}.") from error
    unknown = pc.invert(pc.is_in(found["accounts"]["id"], value_set=numbers))
    count = pc.sum(unknown).as_py() or 0
    if count:
        raise GraphUnreadable(
            f"SIGNALS_GRAPH: {count:,} of {len(unknown):,} accounts in {address} are not imported; "
            "import its accounts first (import_graph), so that cases can be opened on them."
        )
    return found


def _place(address: str, name: str) -> tuple[fs.FileSystem, str]:
    """The store, and the path of a table in it. Raises GraphUnreadable."""
    try:
        if "://" in address:
            store, folder = fs.FileSystem.from_uri(address)
        else:
            store, folder = fs.LocalFileSystem(), address
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise GraphUnreadable(f"SIGNALS_GRAPH: {address} cannot be reached: {reason}") from error
    return store, f"{folder.rstrip('/')}/{name}.parquet"


def _files(store: fs.FileSystem, path: str) -> list[fs.FileInfo]:
    """The file of that path, or all in the folder of that path."""
    info = store.get_file_info(path)
    if info.type == fs.FileType.Directory:
        inside = store.get_file_info(fs.FileSelector(path, recursive=True))
        return [item for item in inside if item.type == fs.FileType.File]
    return [info] if info.type == fs.FileType.File else []


def _read(address: str, name: str) -> pa.Table | None:
    store, path = _place(address, name)
    try:
        if not _files(store, path):
            return None
        return pq.read_table(path, filesystem=store)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise GraphUnreadable(f"SIGNALS_GRAPH: {path} cannot be read: {reason}") from error


# -- The platform's identifiers ----------------------------------------------------------------


def _named(
    accounts: pa.Table,
    ties: pa.Table | None,
    events: pa.Table | None,
    numbers: pa.Array,
    names: pa.Array,
) -> dict[str, pa.Table]:
    own = _text(accounts, "accounts", "account_id")
    if pc.count_distinct(own).as_py() != len(own):
        raise ValueError("accounts: an account_id stands there twice")
    number = _numbers(own, names, numbers)
    # accounts that nobody knows keep a number of their own, by which the caller refuses them
    strangers = pa.array(-1 - np.arange(len(own), dtype=np.int64))
    accounts = _columns(accounts, "accounts", {"id": pc.coalesce(number, strangers)})
    found = {"accounts": accounts, "ties": empty("ties"), "events": empty("events")}
    if ties is not None:
        ends = {x: _numbers(_text(ties, "ties", x), names, numbers) for x in ("a", "b")}
        rows = pa.array(np.arange(ties.num_rows, dtype=np.int64))
        there = pc.and_(ends["a"].is_valid(), ends["b"].is_valid())
        found["ties"] = _columns(ties, "ties", {"id": rows, **ends}, there)
    if events is not None:
        found["events"] = _named_events(events, numbers, names)
    return found


def _named_events(events: pa.Table, numbers: pa.Array, names: pa.Array) -> pa.Table:
    own = _text(events, "events", "event_id")
    if pc.count_distinct(own).as_py() != len(own):
        raise ValueError("events: an event_id stands there twice")
    target = _text(events, "events", "object")
    kind = _text(events, "events", "type")
    refers = pc.is_in(kind, value_set=pa.array(OUTCOMES))
    rows = pa.array(_FIRST_EVENT + np.arange(len(own), dtype=np.int64))
    nothing = pa.scalar(None, pa.int64())
    actor = _numbers(_text(events, "events", "actor"), names, numbers)
    named = pc.if_else(refers, _numbers(target, own, rows), nothing)
    account = pc.if_else(refers, nothing, _numbers(target, names, numbers))
    there = pc.and_(actor.is_valid(), pc.or_(named.is_valid(), account.is_valid()))
    ids = {"id": rows, "type": kind, "actor": actor, "object": account, "ref": named}
    return _columns(events, "events", ids, there)


def _text(table: pa.Table, name: str, column: str) -> pa.Array:
    if column not in table.column_names:
        raise ValueError(f"{name}: the column {column!r} is missing")
    return table[column].cast(pa.string()).combine_chunks()


def _filled(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column with nothing where it holds empty text, as an import reads it."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)


def _numbers(values: pa.Array, names: pa.Array, numbers: pa.Array) -> pa.Array:
    """The number of each name, null for one that is not there."""
    return numbers.take(pc.index_in(values, value_set=names))


def _columns(
    table: pa.Table, name: str, ids: dict[str, pa.Array], there: pa.Array | None = None
) -> pa.Table:
    """The table's columns as the engine wants them; only rows that are ``there``."""
    wanted = {
        column: _filled(table[column])
        for column in SCHEMAS[name].names
        if column in table.column_names and column not in ids
    }
    whole = pa.table({**wanted, **ids})
    return conform(name, whole if there is None else whole.filter(there))
