"""The graph as Arrow: accounts, ties and events as of one instant, out of PostgreSQL.

Out of Parquet files where ``SIGNALS_GRAPH`` names some (see ``signals.graph_files``); what people
decided comes out of PostgreSQL all the same.

All tables are read in read-only REPEATABLE READ transactions that share one snapshot
(``signals.lanes``), so that an import that runs beside them is seen whole or not at all, chunk by
chunk. Rows stream through in batches of some megabytes; what stays in memory is the columns that
the engine needs.

Only resolved rows take part: both ends of a tie, and actor, object and named event of an event,
are imported accounts and events (an event that names an unresolved event is unresolved itself).
Deleted and suspended accounts take part like any other, as candidates too: what they did, and whom
they knew then, happened; a person who reads the case sees the status.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings
from django.db import connection
from numpy.typing import NDArray

from signals import arrow, graph_files, hooks, lanes
from signals.basis import GRAPH_QUERY, graph_now
from signals.engine.tables import (
    EVENTS,
    EXEMPTIONS,
    KINDS,
    LABELS,
    TIES,
    TYPE,
    TYPES,
    RawGraph,
    empty,
)

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Cursor

Progress = Callable[[float], None]
"""Called with the share of the snapshot that is done, 0 to 1; what it raises ends the snapshot."""

_REFERRING = range(TYPE["Accept"], TYPE["Undo"] + 1)
"""Codes of the types that name an event; all others name an account."""

_ACCOUNTS_QUERY = """
    SELECT id, birth_date, birth_year, NULLIF(age_band, '') AS age_band, age_source,
           NULLIF(region, '') AS region, NULLIF(community, '') AS community,
           NULLIF(role, '') AS role, created_at, status,
           hashtextextended(account_id, 0) AS name_key
    FROM accounts_account WHERE NOT provisional
"""
# Rows are some ten million, and every column costs: so the code of the kind stands in the lowest
# bits of another column.
# A tie that ends later than the time looked from is still there: its end is not known yet.
_TIES_QUERY = """
    SELECT {a} AS a, b_id AS b, since, {until} AS until FROM accounts_tie WHERE {since}
"""
_EVENTS_QUERY = """
    SELECT id, actor_id AS actor, {target} AS target, published
    FROM accounts_event WHERE {published}
"""
_CODE_BITS = 4
_OFTEN = ("Offer", "Accept", "Create", "Reject")  # asked for first


@dataclass(frozen=True)
class Snapshot:
    """``graph`` as of one instant, and what it rests on (see ``signals.basis``)."""

    graph: RawGraph
    graph_basis: dict[str, Any]
    read_at: datetime
    labels: list[hooks.Label]
    exemptions: list[hooks.Exemption]


def take(as_of: datetime | None = None, progress: Progress | None = None) -> Snapshot:
    """Read what was published, tied or decided before ``as_of`` (an aware time; None: everything).

    Account attributes have no history: they are taken as they are now, also with ``as_of``.
    Raises ValueError for a time without an offset.
    """
    if as_of is not None and as_of.tzinfo is None:
        raise ValueError("as_of needs a time zone")
    read_at = database_time()
    labels, exemptions = hooks.labels(), hooks.exemptions()
    if settings.SIGNALS_GRAPH:
        graph_basis: dict[str, Any] = graph_now()
        tables = graph_files.read(settings.SIGNALS_GRAPH, _known_accounts)
        tables["accounts"] = _with_name_keys(tables["accounts"])
    else:
        graph_basis, tables = _from_database(as_of, progress)
    return Snapshot(
        graph=RawGraph(
            **tables,
            labels=_labels_table([x for x in labels if as_of is None or x.decided_at < as_of]),
            exemptions=_exemptions_table(exemptions),
        ),
        graph_basis=graph_basis,
        read_at=read_at,
        labels=labels,
        exemptions=exemptions,
    )


def database_time() -> datetime:
    """The time by the database's own clock, to the microsecond."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (moment,) = cursor.fetchone()
    return cast(datetime, moment)


def _known_accounts() -> tuple[pa.Array, pa.Array]:
    """Numbers and platform identifiers of all accounts that have been imported."""
    with arrow.connect() as adbc, adbc.cursor() as cursor:
        cursor.execute("SELECT id, account_id FROM accounts_account WHERE NOT provisional")
        found = cursor.fetch_arrow_table().combine_chunks()
    return found["id"].combine_chunks(), found["account_id"].cast(pa.string()).combine_chunks()


def _with_name_keys(accounts: pa.Table) -> pa.Table:
    """Accounts that came from files with the ``name_key`` that the database would have given."""
    with arrow.connect() as adbc, adbc.cursor() as cursor:
        cursor.execute(
            "SELECT id, hashtextextended(account_id, 0) AS name_key FROM accounts_account "
            "WHERE NOT provisional"
        )
        known = cursor.fetch_arrow_table().combine_chunks()
    place = pc.index_in(accounts["id"], value_set=known["id"].combine_chunks())
    keys = known["name_key"].take(place)
    return accounts.set_column(accounts.column_names.index("name_key"), "name_key", keys)


def _from_database(
    as_of: datetime | None, progress: Progress | None
) -> tuple[dict[str, Any], dict[str, pa.Table]]:
    """What the graph rests on, and accounts, ties and events."""
    with lanes.one_snapshot() as cursors:
        cursor = cursors[0]
        cursor.execute(GRAPH_QUERY)
        ((graph_basis,),) = cursor.fetchall()
        bar = _Bar(cursor, progress)
        accounts = lanes.rows(cursor, _ACCOUNTS_QUERY).read_all()
        bar.add(accounts.num_rows)
        known = Ids(accounts.column("id").to_numpy())
        ties = lanes.ranges(
            cursor, "accounts_tie", _ties_query(as_of), lambda rows: _ties(rows, known)
        )
        events = lanes.ranges(
            cursor, "accounts_event", _events_query(as_of), lambda rows: _events(rows, known)
        )
        lanes.read(cursors, [*events, *ties], bar.add)
    tables = {
        "accounts": accounts,
        "ties": _table(ties, "ties"),
        "events": _chains_resolved(_table(events, "events")),
    }
    return json.loads(graph_basis), tables


def _table(ranges: list[lanes.Range], name: str) -> pa.Table:
    """What was read of a table, in the order of its pages."""
    batches = [batch for part in ranges for batch in part.batches if batch.num_rows]
    return pa.Table.from_batches(batches) if batches else empty(name)


# -- Queries -----------------------------------------------------------------------------------


def _ties_query(as_of: datetime | None) -> str:
    a = _coded("kind", dict.fromkeys(KINDS, "a_id"), KINDS)
    if as_of is None:
        return _TIES_QUERY.format(a=a, until="until", since="true")
    at = _literal(as_of)
    return _TIES_QUERY.format(
        a=a,
        until=f"CASE WHEN until < {at} THEN until END",
        since=f"(since IS NULL OR since < {at})",
    )


def _events_query(as_of: datetime | None) -> str:
    before = "true" if as_of is None else f"published < {_literal(as_of)}"
    column = {
        name: "ref_id" if TYPE[name] in _REFERRING else "object_id" for name in (*_OFTEN, *TYPES)
    }
    return _EVENTS_QUERY.format(target=_coded("type", column, TYPES), published=before)


def _coded(kind: str, column: dict[str, str], names: tuple[str, ...]) -> str:
    """SQL for the column that belongs to the kind, and the kind's place in ``names`` below it."""
    whens = " ".join(
        f"WHEN '{name}' THEN ({source} << {_CODE_BITS}) + {names.index(name)}"
        for name, source in column.items()
    )
    return f"CASE {kind} {whens} END"


def _literal(at: datetime) -> str:
    """``at`` as SQL. A bound parameter would keep the driver from using COPY."""
    return f"TIMESTAMPTZ '{at.astimezone(UTC).isoformat()}'"


class _Bar:
    """Progress by rows read, against PostgreSQL's own estimate of the tables' sizes."""

    def __init__(self, cursor: Cursor, progress: Progress | None) -> None:
        cursor.execute(
            "SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint FROM pg_class WHERE oid IN "
            "('accounts_account'::regclass, 'accounts_tie'::regclass, 'accounts_event'::regclass)"
        )
        ((rows,),) = cursor.fetchall()
        self._expected, self._read, self._progress = max(rows, 1), 0, progress

    def add(self, rows: int) -> None:
        self._read += rows
        if self._progress is not None:
            self._progress(min(1.0, self._read / self._expected))


# -- Resolved rows -----------------------------------------------------------------------------


class Ids:
    """A set of database ids that answers for whole columns at once."""

    def __init__(self, ids: NDArray[np.int64]) -> None:
        self._top = int(ids.max()) if len(ids) else -1
        # Ids come from a sequence, so they lie close; only a table full of gaps is searched.
        self._is_dense = self._top < 10_000_000 + 64 * len(ids)
        if self._is_dense:
            self._there = np.zeros(self._top + 2, dtype=bool)
            self._there[ids] = True
        else:
            self._there = np.sort(ids)

    def has(self, column: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of ``column`` (values of −1 or more) are in the set, whose values are 0 or more."""
        if self._is_dense:
            return np.asarray(self._there[np.minimum(column, self._top + 1)])
        places = np.searchsorted(self._there, column)
        return np.asarray(self._there[np.minimum(places, len(self._there) - 1)] == column)


def _ties(batch: pa.RecordBatch, known: Ids) -> pa.RecordBatch:
    """Ties both of whose ends are known."""
    code, a = _split(batch["a"])
    there = known.has(a) & known.has(batch["b"].to_numpy())
    columns = [pa.array(a), batch["b"], _named(code, KINDS), batch["since"], batch["until"]]
    return _where(there, pa.RecordBatch.from_arrays(columns, names=TIES.names))


def _events(batch: pa.RecordBatch, known: Ids) -> pa.RecordBatch:
    """Events whose actor is known, and the object; of an outcome, whose named event was found."""
    code, target = _split(batch["target"])
    refers = (code >= _REFERRING.start) & (code < _REFERRING.stop)
    there = known.has(batch["actor"].to_numpy())
    there &= np.where(refers, target >= 0, known.has(target))
    columns = [
        batch["id"],
        _named(code, TYPES),
        batch["actor"],
        pa.array(target, mask=refers),
        pa.array(target, mask=~refers),
        batch["published"],
    ]
    return _where(there, pa.RecordBatch.from_arrays(columns, names=EVENTS.names))


def _split(coded: pa.Array) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Code, and what stands above it; −1 for both where there is nothing."""
    values = coded.fill_null(-1).to_numpy()
    return (values & ((1 << _CODE_BITS) - 1)).astype(np.int8), values >> _CODE_BITS


def _named(code: NDArray[np.int8], names: tuple[str, ...]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(code), pa.array(names), safe=False)


def _where(there: NDArray[np.bool_], batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch if there.all() else batch.filter(pa.array(there))


def _chains_resolved(events: pa.Table) -> pa.Table:
    """Without outcomes of events that are not there themselves; a withdrawal names an outcome."""
    while True:
        named = events.column("ref").drop_null().to_numpy()
        found = Ids(events.column("id").to_numpy()).has(named)
        if found.all():
            return events
        lost = pa.array(np.unique(named[~found]))
        events = events.filter(pc.invert(pc.is_in(events.column("ref"), value_set=lost)))


def _labels_table(labels: list[hooks.Label]) -> pa.Table:
    return pa.Table.from_pylist([label._asdict() for label in labels], schema=LABELS)


def _exemptions_table(exemptions: list[hooks.Exemption]) -> pa.Table:
    return pa.Table.from_pylist([item._asdict() for item in exemptions], schema=EXEMPTIONS)
