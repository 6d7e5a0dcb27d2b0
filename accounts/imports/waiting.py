"""Events that wait for the event they name: resolved, or refused, once it has arrived."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from accounts.formats.rows import Reject, cut
from accounts.imports import references
from accounts.imports.database import Database
from accounts.imports.merged import LateReject

# In the order of the index, which otherwise a look through the whole table might be preferred to.
_ANY: Final = """
    SELECT 1 FROM accounts_event WHERE ref_id IS NULL AND reference <> '' ORDER BY reference LIMIT 1
"""

_WOKEN: Final = """
    SELECT w.id, w.event_id, w.type, w.actor_id, 0::int8 AS object_id, w.published, w.reference,
           w.region, w.batch_id, e.id AS ref, e.type AS named_type, e.actor_id AS named_actor_id,
           coalesce(e.object_id, 0) AS named_object_id, e.published AS named_published
    FROM accounts_event e
    JOIN accounts_event w ON w.reference = e.event_id AND w.ref_id IS NULL AND w.reference <> ''
    WHERE {arrived} AND (e.ref_id IS NOT NULL OR e.reference = '')
"""

_FORSAKEN: Final = """
    DELETE FROM accounts_account a WHERE a.provisional AND a.id = ANY($1)
    AND NOT EXISTS (SELECT 1 FROM accounts_event WHERE actor_id = a.id)
    AND NOT EXISTS (SELECT 1 FROM accounts_event WHERE object_id = a.id)
    AND NOT EXISTS (SELECT 1 FROM accounts_tie WHERE a_id = a.id)
    AND NOT EXISTS (SELECT 1 FROM accounts_tie WHERE b_id = a.id)
"""


def any_waiting(db: Database) -> bool:
    return bool(len(db.fetch(_ANY)))


def wake(db: Database, lowest: int, batch_id: int) -> list[LateReject]:
    """Resolve what waited for events with a key from ``lowest`` on, and what waited for that.

    Rows that do not fit leave the graph, as they would not have entered it had they come later.
    """
    late: list[LateReject] = []
    arrived = f"e.id >= {int(lowest)}"
    while True:
        woken = db.fetch(_WOKEN.format(arrived=arrived))
        if not len(woken):
            return late
        verdicts = references.judge(
            references.facts_of(woken), references.facts_of(woken, "named_")
        )
        fits = verdicts == references.FITS
        _resolve(db, woken.filter(pa.array(fits)), batch_id)
        if not fits.all():
            late += _expel(db, woken.filter(pa.array(~fits)), verdicts[~fits])
        arrived = "e.id IN (SELECT id FROM import_references)"


def _resolve(db: Database, woken: pa.Table, batch_id: int) -> None:
    db.clear("import_references")
    if len(woken):
        db.copy("import_references", {"id": woken["id"], "ref": woken["ref"]})
        db.run(
            "UPDATE accounts_event e SET ref_id = r.ref, batch_id = $1"
            " FROM import_references r WHERE r.id = e.id",
            (batch_id,),
        )


def _expel(db: Database, woken: pa.Table, verdicts: NDArray[np.int64]) -> list[LateReject]:
    db.run("DELETE FROM accounts_event WHERE id = ANY($1)", (woken["id"].to_pylist(),))
    actors = woken["actor_id"].unique().to_pylist()
    names = db.fetch("SELECT id, account_id FROM accounts_account WHERE id = ANY($1)", (actors,))
    name_of = dict(zip(*(names[column].to_pylist() for column in names.column_names), strict=True))
    late = [
        LateReject(row["batch_id"], _reject(row, name_of[row["actor_id"]], verdict))
        for row, verdict in zip(woken.to_pylist(), verdicts.tolist(), strict=True)
    ]
    db.lock("accounts")
    db.run(_FORSAKEN, (actors,))
    return late


def _reject(row: dict[str, Any], actor: str, verdict: int) -> Reject:
    own, named = (
        int(references.type_codes(pa.array([row[name]]))[0]) for name in ("type", "named_type")
    )
    text = {
        "event_id": row["event_id"],
        "type": row["type"],
        "actor": actor,
        "object": row["reference"],
        "published": row["published"].isoformat().replace("+00:00", "Z"),
        "region": row["region"],
    }
    field = references.FIELDS[verdict]
    return Reject(0, field, cut(text[field]), references.reason(verdict, own, named), text)
