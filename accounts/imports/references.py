"""Whether an event fits the event that it names: the same rules whichever comes first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from accounts.imports.database import Database
from accounts.validation.event import TYPES
from accounts.validation.moments import CLOCKS_DIFFER

_CODE: Final = {name: code for code, name in enumerate(TYPES)}
_ANSWERS: Final = np.array([_CODE[name] for name in ("Accept", "Reject", "Ignore")])
_REQUESTS: Final = np.array([_CODE[name] for name in ("Offer", "Follow")])
_REVOCABLE: Final = np.array([_CODE[name] for name in ("Offer", "Follow", "Accept", "Block")])

_NEVER: Final = np.iinfo(np.int64).min

_SETTLED: Final = (
    "SELECT n.place, e.id, e.type, e.actor_id, coalesce(e.object_id, 0) AS object_id,"
    " e.published FROM import_names n JOIN accounts_event e ON e.event_id = n.name"
    " WHERE e.ref_id IS NOT NULL OR e.reference = ''"
)

FITS, WRONG_TYPE, NOT_ASKED, NOT_ITS_OWN, TOO_EARLY = range(5)

FIELDS: Final = {
    WRONG_TYPE: "object",
    NOT_ASKED: "actor",
    NOT_ITS_OWN: "actor",
    TOO_EARLY: "published",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """Columns of the same length: ``types`` as positions in TYPES, accounts as any numbers that
    are equal for the same account (``objects`` 0 for none), ``published`` in microseconds."""

    types: NDArray[np.int64]
    actors: NDArray[np.int64]
    objects: NDArray[np.int64]
    published: NDArray[np.int64]

    def take(self, at: NDArray[np.int64]) -> Facts:
        return Facts(self.types[at], self.actors[at], self.objects[at], self.published[at])


def judge(events: Facts, named: Facts) -> NDArray[np.int64]:
    """For each of ``events`` whether it fits the one it names: FITS or what is wrong."""
    answers = np.isin(events.types, _ANSWERS)
    wrong_type = np.where(
        answers, ~np.isin(named.types, _REQUESTS), ~np.isin(named.types, _REVOCABLE)
    )
    early = events.published < named.published - round(CLOCKS_DIFFER.total_seconds() * 1e6)
    return np.select(
        [
            wrong_type,
            answers & (events.actors != named.objects),
            ~answers & (events.actors != named.actors),
            early,
        ],
        [WRONG_TYPE, NOT_ASKED, NOT_ITS_OWN, TOO_EARLY],
        FITS,
    )


def reason(verdict: int, own_type: int, named_type: int) -> str:
    """The sentence for a row that does not fit; types as positions in TYPES."""
    own, named = TYPES[own_type], TYPES[named_type]
    if verdict == WRONG_TYPE:
        may = "an Offer or a Follow" if own != "Undo" else "an Offer, Follow, Accept or Block"
        return f"This names {_a(named)}, but {_a(own)} must name {may}; correct the event_id."
    if verdict == NOT_ASKED:
        return (
            f"This {own} is by an account that was not asked: the {named} went to another one; "
            "correct the actor or the event_id in object."
        )
    if verdict == NOT_ITS_OWN:
        return (
            f"This Undo is by another account than the {named}; only who made it can take it back: "
            "correct the actor or the event_id in object."
        )
    return f"This {own} was published before the {named} that it names; correct the time."


def settled_targets(db: Database, references: pa.Array) -> pa.Table:
    """Events named by ``references`` (distinct) that themselves wait for nothing."""
    return db.look_up(references, _SETTLED)


def asked(references: pa.Array, own: pa.Array) -> dict[str, pa.Array]:
    """What ``settled_targets`` will be asked for events with the identifiers ``own``, by query."""
    texts = references.unique()
    return {_SETTLED: texts.filter(pc.invert(pc.is_in(texts, value_set=own)))}


def facts_of(table: pa.Table, prefix: str = "") -> Facts:
    """Facts out of columns ``type, actor_id, object_id, published`` as the database has them."""
    types = table[f"{prefix}type"].combine_chunks()
    return Facts(
        types=type_codes(types),
        actors=table[f"{prefix}actor_id"].to_numpy(),
        objects=table[f"{prefix}object_id"].to_numpy(),
        published=microseconds(table[f"{prefix}published"].combine_chunks()),
    )


def type_codes(types: pa.Array) -> NDArray[np.int64]:
    """Names of types as positions in TYPES."""
    encoded = types.dictionary_encode()
    codes = np.array([_CODE[name] for name in encoded.dictionary.to_pylist()], np.int64)
    return codes[encoded.indices.to_numpy()] if len(types) else codes


def microseconds(times: pa.Array) -> NDArray[np.int64]:
    """Times as whole microseconds since 1970; the smallest number for null."""
    values: NDArray[np.int64] = times.cast(pa.int64()).fill_null(_NEVER).to_numpy()
    return values


def _a(name: str) -> str:
    return f"an {name}" if name[0] in "AIOU" else f"a {name}"
