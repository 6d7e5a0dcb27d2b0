"""A community as the engine's raw graph, without a database in between."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from signals.engine.tables import TIME, RawGraph
from signals.simulate.base_ties import TIE_KINDS
from signals.simulate.community import Community
from signals.simulate.events import EVENT_TYPES, REFERRING
from signals.simulate.population import Ids

MICROSECONDS = 1_000_000


def _times(seconds: Ids) -> pa.Array:
    """Times from seconds since 1970; negative ones are unknown."""
    return pa.array(seconds * MICROSECONDS, mask=seconds < 0, type=pa.int64()).cast(TIME)


def _words(words: tuple[str, ...], codes: NDArray[np.int8]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(words)).cast(pa.string())


def _texts(values: NDArray[np.str_]) -> pa.Array:
    texts = pa.array(values.tolist(), pa.string())
    return pc.if_else(pc.equal(texts, ""), None, texts)


def to_raw_graph(community: Community) -> RawGraph:
    """What the database would hold after an import.

    Accounts, ties and events are numbered from 1 in the order of the files, so that account number
    i stands in row i of ``truth.csv``.
    """
    records, ties, events = community.records, community.ties, community.events
    accounts = pa.table(
        {
            "id": np.arange(1, community.people.size + 1),
            "birth_date": _texts(records.birth_date).cast(pa.date32()),
            "birth_year": _texts(records.birth_year).cast(pa.int16()),
            "created_at": _times(records.created_at),
        }
        | {
            name: _texts(getattr(records, name))
            for name in ("age_band", "age_source", "region", "community", "role", "status")
        }
    )
    refers = REFERRING[events.types]
    named = events.obj.astype(np.int64) + 1
    return RawGraph(
        accounts=accounts,
        ties=pa.table(
            {
                "id": np.arange(1, ties.a.size + 1),
                "a": ties.a.astype(np.int64) + 1,
                "b": ties.b.astype(np.int64) + 1,
                "kind": _words(TIE_KINDS, ties.kind),
                "since": _times(ties.since),
                "until": _times(ties.until),
            }
        ),
        events=pa.table(
            {
                "id": np.arange(1, len(events) + 1),
                "type": _words(EVENT_TYPES, events.types),
                "actor": events.actor.astype(np.int64) + 1,
                "object": pa.array(named, mask=refers),
                "ref": pa.array(named, mask=~refers),
                "published": _times(events.time),
            }
        ),
    )
