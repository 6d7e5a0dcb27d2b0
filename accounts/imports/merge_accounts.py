"""A chunk of accounts into the graph: new ones are copied, changed ones updated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from accounts.imports.database import AlreadyThere, Database
from accounts.imports.merged import Merged, first_places, sample
from accounts.validation.account import AGE_SOURCES, STATUSES
from accounts.validation.checker import Mask, Rows
from accounts.validation.moments import TIME

_TABLE: Final = "accounts_account"

_STATED: Final[dict[str, tuple[str | None, pa.DataType]]] = {
    "display_name": ("", pa.string()),
    "birth_date": (None, pa.date32()),
    "birth_year": (None, pa.int16()),
    "age_band": ("", pa.string()),
    "age_source": (AGE_SOURCES[0], pa.string()),
    "gender": ("", pa.string()),
    "region": ("", pa.string()),
    "community": ("", pa.string()),
    "role": ("", pa.string()),
    "created_at": (None, TIME),
    "status": (STATUSES[0], pa.string()),
}
"""All that an account says besides its identifier, and what it says when nothing is stated."""

_KNOWN: Final = """
    SELECT n.place, a.id, a.provisional, a.display_name, a.birth_date, a.birth_year, a.age_band,
           a.age_source, a.gender, a.region, a.community, a.role, a.created_at, a.status
    FROM import_names n JOIN accounts_account a ON a.account_id = n.name
"""
_UPDATE: Final = """
    UPDATE accounts_account a SET provisional = false, batch_id = $1,
        display_name = i.display_name, birth_date = i.birth_date, birth_year = i.birth_year,
        age_band = i.age_band, age_source = i.age_source, gender = i.gender, region = i.region,
        community = i.community, role = i.role, created_at = i.created_at, status = i.status
    FROM import_accounts i WHERE i.id = a.id
"""


@cache
def _defaults() -> dict[str, pa.Scalar]:
    # On use: Arrow loads a good deal the first time that it is given a Python value.
    return {name: pa.scalar(value, kind) for name, (value, kind) in _STATED.items()}


def merge(db: Database, rows: Rows, batch_id: int) -> Merged:
    """Bring ``rows`` in, inside a chunk of ``db``. Of two rows for one account the later holds;
    what a row does not state stays as it was."""
    merged = Merged()
    if not len(rows):
        return merged
    ids = rows.columns["account_id"]
    first = first_places(ids)
    if first is None and _TABLE not in db.expects_known and not _some_known(db, ids):
        try:
            with db.attempt():
                _write(db, ids, _filled(rows, None).contents, batch_id)
        except AlreadyThere:
            pass
        else:
            merged.accepted = len(rows)
            return merged
    if first is None:
        first = np.arange(len(rows))
    _upsert(db, rows, first, batch_id, merged)
    return merged


def _some_known(db: Database, ids: pa.Array) -> bool:
    return bool(len(db.look_up(ids.take(pa.array(sample(len(ids)))), _KNOWN)))


@dataclass(slots=True)
class _Stored:
    """What the database has for the distinct accounts of a chunk, by position."""

    ids: NDArray[np.int64]  # 0: not there
    provisional: Mask
    contents: dict[str, pa.Array]


@dataclass(slots=True)
class _Filled:
    """Rows with everything that they do not state filled in, and the row before for each account.

    ``order``: positions of the rows, each account's together, in the order of the file.
    """

    contents: dict[str, pa.Array]
    order: NDArray[np.int64]
    starts: Mask  # the first row of its account


def _upsert(
    db: Database, rows: Rows, first: NDArray[np.int64], batch_id: int, merged: Merged
) -> None:
    distinct, group = np.unique(first, return_inverse=True)
    texts = rows.columns["account_id"].take(pa.array(distinct))
    stored = _look_up(db, texts)
    filled = _filled(rows, stored, group)
    changed = _changed(filled, stored, group)
    merged.accepted += int(changed.sum())
    merged.duplicates += int((~changed).sum())
    # The last row of each account is what it says now.
    last = np.append(np.flatnonzero(filled.starts)[1:], len(filled.order)) - 1
    touched = np.zeros(len(distinct), bool)
    touched[group[filled.order[changed]]] = True
    account = group[filled.order[last]]
    new = stored.ids[account] == 0
    for mask, write in ((new, True), (~new & touched[account], False)):
        at = pa.array(last[mask])
        contents = {name: column.take(at) for name, column in filled.contents.items()}
        which = account[mask]
        if write:
            _write(db, texts.take(pa.array(which)), contents, batch_id)
        elif len(which):
            db.copy("import_accounts", {"id": stored.ids[which], **contents})
            db.run(_UPDATE, (batch_id,))


def _look_up(db: Database, texts: pa.Array) -> _Stored:
    known = db.look_up(texts, _KNOWN)
    if len(known):
        db.expects_known.add(_TABLE)
    else:
        db.expects_known.discard(_TABLE)
    place = known["place"].to_numpy()
    row_of = np.full(len(texts), -1)
    row_of[place] = np.arange(len(known))
    ids = np.zeros(len(texts), np.int64)
    ids[place] = known["id"].to_numpy()
    provisional = np.zeros(len(texts), bool)
    provisional[place] = known["provisional"].to_numpy()
    at = pa.array(row_of, mask=row_of < 0)
    there = pa.array(row_of >= 0)
    contents = {
        name: pc.if_else(there, known[name].combine_chunks().take(at), default)
        for name, default in _defaults().items()
    }
    return _Stored(ids, provisional, contents)


def _filled(rows: Rows, stored: _Stored | None, group: NDArray[np.int64] | None = None) -> _Filled:
    """What each account says after each of its rows, in the order of ``_Filled.order``."""
    count = len(rows)
    if group is None:
        group = np.arange(count)
    order = np.argsort(group, kind="stable")
    starts = np.ones(count, bool)
    starts[1:] = np.diff(group[order]) != 0
    start_of = np.maximum.accumulate(np.where(starts, np.arange(count), 0))
    contents = {}
    for name, default in _defaults().items():
        base = (
            pa.repeat(default, count)
            if stored is None
            else stored.contents[name].take(pa.array(group[order]))
        )
        column = rows.columns.get(name)
        if column is None:
            contents[name] = base
            continue
        column = column.cast(default.type)
        stated = rows.stated.get(name)
        if stated is None:
            contents[name] = column.take(pa.array(order))
            continue
        # The latest row of the account, up to this one, that states the column.
        latest = np.maximum.accumulate(np.where(stated[order], np.arange(count), -1))
        own = latest >= start_of
        contents[name] = pc.if_else(
            pa.array(own), column.take(pa.array(order[np.maximum(latest, 0)])), base
        )
    return _Filled(contents, order, starts)


def _changed(filled: _Filled, stored: _Stored, group: NDArray[np.int64]) -> Mask:
    """Which rows say something else than the row before, or than the database."""
    count = len(filled.order)
    account = group[filled.order]
    before = pa.array(np.maximum(np.arange(count) - 1, 0))
    changed = np.zeros(count, bool)
    for name, column in filled.contents.items():
        earlier = pc.if_else(
            pa.array(filled.starts),
            stored.contents[name].take(pa.array(account)),
            column.take(before),
        )
        changed |= _unlike(column, earlier)
    fresh = (stored.ids[account] == 0) | stored.provisional[account]
    changed |= filled.starts & fresh
    return changed


def _unlike(left: pa.Array, right: pa.Array) -> Mask:
    """Where the values differ; null is like null."""
    both = pc.equal(left, right).to_numpy(zero_copy_only=False)
    alike = np.where(both == None, False, both).astype(bool)  # noqa: E711 - element by element
    nulls = pc.and_(left.is_null(), right.is_null()).to_numpy(zero_copy_only=False)
    unlike: Mask = ~(alike | nulls)
    return unlike


def _write(db: Database, ids: pa.Array, contents: dict[str, pa.Array], batch_id: int) -> None:
    """COPY new accounts; columns in which nothing is stated are left to the table's defaults."""
    if not len(ids):
        return
    stated = {
        name: column
        for name, column in contents.items()
        if column.null_count < len(column)
        and not pc.all(pc.equal(column, _defaults()[name]), skip_nulls=False).as_py()
    }
    db.copy(_TABLE, {"account_id": ids, "batch_id": np.full(len(ids), batch_id), **stated})
