"""Values of a run as a file: CSV or Parquet by the name's ending, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from signals import arrow, storage
from signals.errors import NoRun
from signals.models import Run
from staff.errors import Refused

_WRITERS: Final[dict[str, Callable[[pa.Table, Path], None]]] = {
    ".csv": pacsv.write_csv,
    ".parquet": pq.write_table,
}

_FACTS: Final = {
    "at": "at",
    "kind": "kind",
    "m": "mutual_friends",
    "m_star": "organic_mutual_friends",
    "m_final": "mutual_friends_now",
    "deg_u": "actor_ties",
    "deg_v": "target_ties",
    "first_mutual": "first_mutual_at",
}


def check_ending(path: Path) -> None:
    """Raise Refused unless the name says CSV or Parquet, and its folder is there."""
    if path.suffix.lower() not in _WRITERS:
        raise Refused(f"{path.name}: the name must end in .csv or .parquet.")
    if not path.parent.is_dir():
        raise Refused(f"{path.parent} is no folder.")


def write(table: pa.Table, path: Path) -> None:
    """Write ``table`` under ``path``, replacing a file of that name. Raises Refused."""
    check_ending(path)
    unfinished = path.with_name(path.name + ".part")
    try:
        _WRITERS[path.suffix.lower()](table, unfinished)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise Refused(f"{path} cannot be written: {error.strerror or error}.") from error


def facts(run: Run) -> pa.Table:
    """The contact facts of ``run``, a row a first contact, with the platform's identifiers.

    ``event_id``, ``actor``, ``target``, ``at``, ``kind``; friends in common at the contact, those
    of them that the actor had not made itself, and friends in common now; ties of both sides at
    the contact; when the first friend in common was there. Raises NoRun where the file is gone.
    """
    path = storage.facts_file(run.pk)
    if not path.exists():
        raise NoRun(
            f"The contact facts of run {run.pk} are not on this machine: they are kept where a run "
            f"was computed, for the last {storage.KEPT_RUNS} complete runs."
        )
    table = pq.read_table(path)
    with arrow.connect() as adbc, adbc.cursor() as cursor:
        cursor.execute("SELECT id, account_id AS name FROM accounts_account ORDER BY id")
        accounts = cursor.fetch_arrow_table()
        cursor.execute(
            "SELECT id, event_id AS name FROM accounts_event "
            "WHERE type IN ('Offer', 'Follow', 'Create') ORDER BY id"
        )
        events = cursor.fetch_arrow_table()
    named = {
        "event_id": _names(events, table.column("event")),
        "actor": _names(accounts, table.column("u")),
        "target": _names(accounts, table.column("v")),
    }
    return pa.table(named | {shown: table.column(name) for name, shown in _FACTS.items()})


def _names(known: pa.Table, ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """The name of each of ``ids``; null for what has been erased since the run."""
    sorted_ids = known.column("id").to_numpy()
    wanted = ids.to_numpy()
    places = np.searchsorted(sorted_ids, wanted)
    inside = np.minimum(places, max(len(sorted_ids) - 1, 0))
    found = (sorted_ids[inside] == wanted) if len(sorted_ids) else np.zeros(len(wanted), bool)
    return known.column("name").take(pa.array(inside, mask=~found))
