"""The graph as Arrow: accounts, ties and events as of one instant, out of PostgreSQL.

Out of Parquet files where ``SIGNALS_GRAPH`` names some (see ``signals.graph_files``); what people
decided comes out of PostgreSQL all the same.

All tables are read in one read-only REPEATABLE READ transaction, so that an import that runs beside
it is seen whole or not at all, chunk by chunk. Rows stream through in batches of some megabytes;
what stays in memory is the columns that the engine needs.

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
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager.dbapi import Cursor
from adbc_driver_postgresql import StatementOptions
from django.conf import settings
from django.db import connection
from numpy.typing import NDArray

from signals import arrow, graph_files, hooks
from signals.basis import GRAPH_QUERY, graph_now
from signals.engine.tables import EXEMPTIONS, LABELS, RawGraph

Progress = Callable[[float], None]
"""Called with the share of the snapshot that is done, 0 to 1; what it raises ends the snapshot."""

_OUTCOMES = ("Accept", "Reject", "Ignore", "Undo")  # these name an event, all others an account

_ACCOUNTS_QUERY = """
    SELECT id, birth_date, birth_year, NULLIF(age_band, '') AS age_band, age_source,
           NULLIF(region, '') AS region, NULLIF(community, '') AS community,
           NULLIF(role, '') AS role, created_at, status
    FROM accounts_account WHERE NOT provisional
"""
# A tie that ends later than the time looked from is still there: its end is not known yet.
_TIES_QUERY = """
    SELECT id, a_id AS a, b_id AS b, kind, since, {until} AS until
    FROM accounts_tie WHERE {since}
"""
_EVENTS_QUERY = """
    SELECT id, type, actor_id AS actor, object_id AS object, ref_id AS ref, published
    FROM accounts_event WHERE {published}
"""


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


def _from_database(
    as_of: datetime | None, progress: Progress | None
) -> tuple[dict[str, Any], dict[str, pa.Table]]:
    """What the graph rests on, and accounts, ties and events."""
    with arrow.connect() as adbc, adbc.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(GRAPH_QUERY)
        ((graph_basis,),) = cursor.fetchall()
        bar = _Bar(cursor, progress)
        accounts = _read(cursor, _ACCOUNTS_QUERY, bar)
        known = Ids(accounts.column("id").to_numpy())
        ties = _read(cursor, _ties_query(as_of), bar, lambda batch: _tie_resolved(batch, known))
        events = _read(
            cursor, _events_query(as_of), bar, lambda batch: _ends_resolved(batch, known)
        )
    tables = {"accounts": accounts, "ties": ties, "events": _chains_resolved(events)}
    return json.loads(graph_basis), tables


# -- Queries -----------------------------------------------------------------------------------


def _ties_query(as_of: datetime | None) -> str:
    if as_of is None:
        return _TIES_QUERY.format(until="until", since="true")
    at = _literal(as_of)
    return _TIES_QUERY.format(
        until=f"CASE WHEN until < {at} THEN until END", since=f"(since IS NULL OR since < {at})"
    )


def _events_query(as_of: datetime | None) -> str:
    before = "true" if as_of is None else f"published < {_literal(as_of)}"
    return _EVENTS_QUERY.format(published=before)


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


def _read(
    cursor: Cursor,
    query: str,
    bar: _Bar,
    keep: Callable[[pa.RecordBatch], NDArray[np.bool_]] | None = None,
) -> pa.Table:
    """The rows of ``query`` for which ``keep`` says so."""
    cursor.adbc_statement.set_options(
        **{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(arrow.ROWS_BYTES)}
    )
    cursor.execute(query)
    reader = cursor.fetch_record_batch()
    batches = []
    for batch in reader:
        bar.add(batch.num_rows)
        kept = None if keep is None else keep(batch)
        batches.append(batch if kept is None or kept.all() else batch.filter(pa.array(kept)))
    return pa.Table.from_batches(batches, schema=reader.schema)


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
        """Which of ``column`` (values of 0 or more) are in the set."""
        if self._is_dense:
            return np.asarray(self._there[np.minimum(column, self._top + 1)])
        places = np.searchsorted(self._there, column)
        return np.asarray(self._there[np.minimum(places, len(self._there) - 1)] == column)


def _tie_resolved(batch: pa.RecordBatch, known: Ids) -> NDArray[np.bool_]:
    return known.has(batch["a"].to_numpy()) & known.has(batch["b"].to_numpy())


def _ends_resolved(batch: pa.RecordBatch, known: Ids) -> NDArray[np.bool_]:
    """Actor known; object known, or for an outcome the named event found."""
    has_object = batch["object"].is_valid().to_numpy(zero_copy_only=False)
    objects = batch["object"].fill_null(0).to_numpy()
    has_ref = batch["ref"].is_valid().to_numpy(zero_copy_only=False)
    names_event = pc.is_in(batch["type"], pa.array(_OUTCOMES)).to_numpy(zero_copy_only=False)
    target_known = np.where(names_event, has_ref, has_object & known.has(objects))
    return np.asarray(known.has(batch["actor"].to_numpy()) & target_known)


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
