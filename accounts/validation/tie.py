"""Rules of the ties file."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from accounts.validation.checker import Checker, as_mask
from accounts.validation.moments import times

KINDS: Final = ("friend", "follow", "family")
MUTUAL: Final = ("friend", "family")


def check(check: Checker) -> dict[str, pa.Array]:
    a, b = check.identifier("a"), check.identifier("b")
    check.refuse(
        as_mask(pc.equal(a, b)), "b", "A tie needs two accounts; a and b are the same one."
    )
    kind = check.choice("kind", KINDS, required=True)
    since, until = times(check, "since"), times(check, "until")
    check.refuse(
        as_mask(pc.less(until, since)),
        "until",
        "The tie ends before it starts; correct since or until.",
    )
    return {"a": a, "b": b, "kind": kind, "since": since, "until": until}
