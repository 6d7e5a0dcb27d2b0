"""A chunk of ties into the graph."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from accounts.imports import names
from accounts.imports.database import AlreadyThere, Database
from accounts.imports.merged import Merged, sample
from accounts.validation.checker import Rows, as_mask
from accounts.validation.moments import TIME
from accounts.validation.tie import MUTUAL

_TABLE: Final = "accounts_tie"
_KNOWN: Final = """
    SELECT k.place, t.id, t.until FROM import_tie_keys k
    JOIN accounts_tie t ON t.a_id = k.a AND t.b_id = k.b AND t.kind = k.kind
    AND t.since IS NOT DISTINCT FROM k.since
"""
_STILL: Final = np.iinfo(np.int64).max
"""Stands for "no end", which is later than any."""


def asked(rows: Rows) -> dict[str, pa.Array]:
    """What ``merge`` will look up for ``rows``, by query."""
    return names.asked(rows.columns["a"], rows.columns["b"])


def merge(db: Database, rows: Rows, batch_id: int) -> Merged:
    """Bring ``rows`` in, inside a chunk of ``db``.

    Two rows of the same accounts, kind and start are one tie; of their ends the earlier holds.
    """
    merged = Merged()
    if not len(rows):
        return merged
    found, (a, b) = names.find(db, rows.columns["a"], rows.columns["b"])
    found.create(db, np.concatenate((a, b)), batch_id)
    first, second = found.ids[a], found.ids[b]
    mutual = as_mask(pc.is_in(rows.columns["kind"], value_set=pa.array(MUTUAL)))
    keys = pa.table(
        {
            "a": np.where(mutual, np.minimum(first, second), first),
            "b": np.where(mutual, np.maximum(first, second), second),
            "kind": rows.columns["kind"],
            "since": rows.columns["since"],
        }
    )
    until = rows.columns["until"].cast(pa.int64()).fill_null(_STILL).to_numpy()
    ties = _distinct(keys, until, merged)
    _bring_in(db, ties, batch_id, merged)
    return merged


def _distinct(keys: pa.Table, until: NDArray[np.int64], merged: Merged) -> pa.Table:
    """One row a tie, with its earliest end; rows that changed nothing count as duplicates."""
    names_of_key = keys.column_names
    ties = (
        keys.append_column("until", pa.array(until))
        .group_by(names_of_key, use_threads=False)
        .aggregate([("until", "min")])
        .rename_columns([*names_of_key, "until"])
    )
    if len(ties) < len(keys):
        improving = _improvements(keys, until)
        merged.duplicates += len(keys) - len(ties) - improving
        merged.accepted += improving
    return ties


def _improvements(keys: pa.Table, until: NDArray[np.int64]) -> int:
    """How many rows set an earlier end than the rows with the same key before them in the chunk."""
    grouped = (
        keys.append_column("place", pa.array(np.arange(len(keys))))
        .group_by(keys.column_names, use_threads=False)
        .aggregate([("place", "list")])
    )
    improving = 0
    for places in grouped["place_list"].to_pylist():
        ends = until[places]
        lowest = np.minimum.accumulate(ends)
        improving += int((lowest[1:] < lowest[:-1]).sum())
    return improving


def _bring_in(db: Database, ties: pa.Table, batch_id: int, merged: Merged) -> None:
    """New ties are the rule: see ``merge_events``."""
    known = _TABLE in db.expects_known
    if not known:
        known = bool(len(_look_up(db, ties.take(pa.array(sample(len(ties)))))))
    if not known:
        try:
            with db.attempt():
                _write(db, ties, batch_id)
        except AlreadyThere:
            pass
        else:
            merged.accepted += len(ties)
            return
    there = _look_up(db, ties)
    if len(there):
        db.expects_known.add(_TABLE)
    else:
        db.expects_known.discard(_TABLE)
    place = there["place"].to_numpy()
    ends = ties["until"].to_numpy()[place]
    stored = there["until"].combine_chunks().cast(pa.int64()).fill_null(_STILL).to_numpy()
    earlier = ends < stored
    _end_earlier(db, there["id"].to_numpy()[earlier], ends[earlier], batch_id)
    new = np.ones(len(ties), bool)
    new[place] = False
    _write(db, ties.filter(pa.array(new)), batch_id)
    merged.accepted += int(new.sum() + earlier.sum())
    merged.duplicates += int((~earlier).sum())


def _look_up(db: Database, ties: pa.Table) -> pa.Table:
    db.clear("import_tie_keys")
    columns: dict[str, Any] = {name: ties[name] for name in ("a", "b", "kind", "since")}
    columns["place"] = pa.array(np.arange(len(ties), dtype=np.int32))
    db.copy("import_tie_keys", columns)
    return db.fetch(_KNOWN)


def _write(db: Database, ties: pa.Table, batch_id: int) -> None:
    if len(ties):
        db.copy(
            _TABLE,
            {
                "a_id": ties["a"],
                "b_id": ties["b"],
                "kind": ties["kind"],
                "since": ties["since"],
                "until": _as_times(ties["until"].to_numpy()),
                "batch_id": np.full(len(ties), batch_id),
            },
        )


def _end_earlier(
    db: Database, ids: NDArray[np.int64], until: NDArray[np.int64], batch_id: int
) -> None:
    if len(ids):
        db.copy("import_tie_ends", {"id": ids, "until": _as_times(until)})
        db.run(
            "UPDATE accounts_tie t SET until = e.until, batch_id = $1"
            " FROM import_tie_ends e WHERE e.id = t.id",
            (batch_id,),
        )


def _as_times(until: NDArray[np.int64]) -> pa.Array:
    return pa.array(until, mask=until == _STILL).cast(TIME)
