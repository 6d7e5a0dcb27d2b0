"""Rules of the events file that a row can be held against by itself.

What depends on the event that it names is judged in ``accounts.imports.references``.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from accounts.validation.checker import Checker, as_mask
from accounts.validation.moments import times

TYPES: Final = (
    "Offer", "Follow", "Create", "Block", "Flag", "Remove", "Accept", "Reject", "Ignore", "Undo",
)  # fmt: skip
"""All types; those from ``Accept`` on name an event, the others an account."""

FIRST_REFERRING: Final = TYPES.index("Accept")


def check(check: Checker) -> dict[str, pa.Array]:
    event_id = check.identifier("event_id")
    type_ = check.choice("type", TYPES, required=True)
    actor, target = check.identifier("actor"), check.identifier("object")
    code = pc.index_in(type_, value_set=pa.array(TYPES))
    refers = as_mask(pc.greater_equal(code, FIRST_REFERRING))
    check.refuse(
        as_mask(pc.equal(actor, target)) & ~refers,
        "object",
        "The actor and the object are the same account; correct one of them.",
    )
    check.refuse(
        as_mask(pc.equal(event_id, target)) & refers,
        "object",
        "The event names itself; object must be the event_id of an earlier event.",
    )
    published = times(check, "published", required=True)
    region = check.bounded("region", 40)
    return {
        "event_id": event_id,
        "type": code.cast(pa.int8()),
        "actor": actor,
        "object": target,
        "published": published,
        "region": pc.fill_null(region, ""),
    }
