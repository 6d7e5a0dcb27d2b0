"""The part of the graph that a few accounts' values depend on, by the indexes of PostgreSQL.

An account's values need its own ties and events, and those of everybody on the other side of one:
their ties at a contact, and the ages around them. So the part holds whole neighbourhoods for two
steps. All of it is read in one read-only REPEATABLE READ transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager.dbapi import Cursor
from numpy.typing import NDArray

from signals import arrow, hooks
from signals.basis import GRAPH_QUERY
from signals.engine.priors import Stored
from signals.engine.tables import EXEMPTIONS, RawGraph

MOST_ROWS: Final = 150_000
"""Ties and events of a part. A larger one takes longer than two seconds, and is left to the run."""

_MOST_CANDIDATES: Final = 20_000
"""Events looked through, from the newest back, for those of one import."""

_NAMED: Final = pa.array(["Offer", "Follow", "Accept", "Block"])
"""Types of events that others answer or take back. No import resolves a row that names another."""

Ids = NDArray[np.int64]

_EVENT: Final = (
    "id, type, actor_id AS actor, object_id AS object, ref_id AS ref, published, "
    "NULLIF(region, '') AS region"
)
_TIE: Final = "id, a_id AS a, b_id AS b, kind, since, until"
_ACCOUNT: Final = (
    "id, birth_date, birth_year, NULLIF(age_band, '') AS age_band, age_source, "
    "NULLIF(region, '') AS region, NULLIF(community, '') AS community, "
    "NULLIF(role, '') AS role, created_at, status"
)


class TooLarge(Exception):
    """More accounts or rows than can be dealt with promptly. The message is one sentence."""


@dataclass(frozen=True)
class Part:
    """``accounts``: those whose values can be computed from ``graph``, by id."""

    accounts: frozenset[int]
    graph: RawGraph
    graph_basis: dict[str, Any]
    read_at: datetime


def of_import(batch_id: int, since: int, stored: Stored, most: int) -> Part | None:
    """What the events of an import touch. None: nothing.

    ``since``: the last event that the run before knew; ``most``: accounts at most. An event touches
    its actor, the account that it names, and both sides of an event that it names; and with each
    the accounts that approach the same children. Raises TooLarge.
    """
    with arrow.connect() as adbc, adbc.cursor() as cursor:
        basis, read_at = _begin(cursor)
        touched = _touched(cursor, batch_id, since)
        touched = np.union1d(touched, stored.partners(touched))
        if not len(touched):
            return None
        if len(touched) > most:
            raise TooLarge(f"{len(touched)} accounts are touched.")
        return Part(_known(cursor, touched), _around(cursor, touched), basis, read_at)


def of_accounts(accounts: Iterable[int]) -> Part:
    """The part that ``accounts`` (ids) need. Raises TooLarge."""
    with arrow.connect() as adbc, adbc.cursor() as cursor:
        basis, read_at = _begin(cursor)
        wanted = np.array(sorted(accounts), np.int64)
        return Part(_known(cursor, wanted), _around(cursor, wanted), basis, read_at)


def _begin(cursor: Cursor) -> tuple[dict[str, Any], datetime]:
    """The state of the graph that this transaction sees, and a time at or after it was taken."""
    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    # so few rows are faster by index than any plan for many
    cursor.execute("SET LOCAL enable_seqscan = off")
    cursor.execute("SET LOCAL jit = off")
    cursor.execute(GRAPH_QUERY)
    ((basis,),) = cursor.fetchall()
    cursor.execute("SELECT clock_timestamp()")
    ((read_at,),) = cursor.fetchall()
    return json.loads(basis), read_at


def _touched(cursor: Cursor, batch_id: int, since: int) -> Ids:
    newest = (
        f"SELECT * FROM accounts_event WHERE id > {int(since)} ORDER BY id DESC "  # noqa: S608 - whole numbers
        f"LIMIT {_MOST_CANDIDATES}"
    )
    own = _rows(cursor, f"SELECT {_EVENT} FROM ({newest}) e WHERE batch_id = {int(batch_id)}")  # noqa: S608 - see above
    # what had waited for one of them
    woken = _events_where(cursor, "ref_id", _ids(own, "id"))
    events = [own, woken]
    for _ in range(2):  # an Undo may name an Accept, which names an Offer
        events.append(_events_where(cursor, "id", _ids(pa.concat_tables(events), "ref")))
    return _sides(pa.concat_tables(events))


def _known(cursor: Cursor, accounts: Ids) -> frozenset[int]:
    """Those of ``accounts`` that have been imported themselves."""
    rows = _rows(
        cursor,
        f"SELECT id FROM accounts_account WHERE NOT provisional AND id = {_any(accounts)}",  # noqa: S608 - whole numbers
    )
    return frozenset(rows["id"].to_pylist())


def _around(cursor: Cursor, accounts: Ids) -> RawGraph:
    ties, events = _of(cursor, accounts)
    near = np.union1d(accounts, np.union1d(_sides(events), _ends(ties)))
    _check(ties.num_rows + events.num_rows + len(near))
    ties, events = _of(cursor, near)
    everybody = np.union1d(near, np.union1d(_sides(events), _ends(ties)))
    people = _rows(
        cursor,
        f"SELECT {_ACCOUNT} FROM accounts_account "  # noqa: S608 - whole numbers
        f"WHERE NOT provisional AND id = {_any(everybody)}",
    )
    exempt = [item._asdict() for item in hooks.exemptions()]
    return RawGraph(
        accounts=people,
        ties=ties,
        events=events,
        exemptions=pa.Table.from_pylist(exempt, schema=EXEMPTIONS),
    )


def _of(cursor: Cursor, accounts: Ids) -> tuple[pa.Table, pa.Table]:
    """Ties and events of these accounts, with everything that answers or takes back one."""
    wanted = _any(accounts)
    ties = _once(
        [
            _rows(cursor, f"SELECT {_TIE} FROM accounts_tie WHERE {end} = {wanted}")  # noqa: S608 - whole numbers
            for end in ("a_id", "b_id")
        ]
    )
    _check(ties.num_rows)
    events = _once([_events_where(cursor, side, accounts) for side in ("actor_id", "object_id")])
    asked = np.zeros(0, np.int64)
    for _ in range(2):  # an answer, and who takes it back
        _check(ties.num_rows + events.num_rows)
        named = events.filter(pc.is_in(events["type"], value_set=_NAMED))
        new = np.setdiff1d(_ids(named, "id"), asked)
        events = _once([events, _events_where(cursor, "ref_id", new)])
        asked = np.union1d(asked, new)
    _check(ties.num_rows + events.num_rows)
    return ties, events


def _check(rows: int) -> None:
    if rows > MOST_ROWS:
        raise TooLarge(f"The surroundings have more than {MOST_ROWS:,} ties and events.")


def _events_where(cursor: Cursor, column: str, ids: Ids) -> pa.Table:
    return _rows(
        cursor,
        f"SELECT {_EVENT} FROM accounts_event WHERE {column} = {_any(ids)} "  # noqa: S608 - whole numbers
        f"LIMIT {MOST_ROWS + 1}",
    )


def _any(ids: Ids) -> str:
    """``= this`` for one of ``ids``. Written out, since a parameter would keep from using COPY."""
    return f"ANY('{{{','.join(map(str, ids.tolist()))}}}'::bigint[])"


def _rows(cursor: Cursor, query: str) -> pa.Table:
    cursor.execute(query)
    return cursor.fetch_arrow_table()


def _once(tables: list[pa.Table]) -> pa.Table:
    """The rows of all, each id once."""
    every = pa.concat_tables(tables).combine_chunks()
    _, first = np.unique(every["id"].to_numpy(), return_index=True)
    return every.take(pa.array(first))


def _ids(table: pa.Table, column: str) -> Ids:
    found: Ids = np.asarray(pc.drop_null(table[column].combine_chunks()).to_numpy(), np.int64)
    return np.unique(found)


def _sides(events: pa.Table) -> Ids:
    return np.union1d(_ids(events, "actor"), _ids(events, "object"))


def _ends(ties: pa.Table) -> Ids:
    return np.union1d(_ids(ties, "a"), _ids(ties, "b"))
