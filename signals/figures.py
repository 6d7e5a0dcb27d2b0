"""Counts about a run that its page shows: what the graph is like, whatever the ages. Pure."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from signals.engine.result import EngineResult

BOTH_SIDES: Final = (5, 20)
"""Ties that both sides of a contact must have had for the narrower shares."""


def figures_of(result: EngineResult) -> dict[str, Any]:
    """Counts, as plain JSON.

    ``contacts``: first contacts; ``zero_mutual_at_contact`` and ``zero_mutual_final``: those
    without a friend in common at that moment, and on the graph as it is now;
    ``both_sides``: the same count where both sides had 5 (20) or more ties at the contact.
    ``engine_seconds``: by the engine's own stages. ``links``, ``age_checks``: found by the run.
    """
    facts = result.facts
    alone = pc.equal(facts.column("m"), 0)
    return {
        **result.counts,
        "zero_mutual_at_contact": _count(alone),
        "zero_mutual_final": _count(pc.equal(facts.column("m_final"), 0)),
        "both_sides": {str(ties): _both_sides(facts, alone, ties) for ties in BOTH_SIDES},
        "links": result.links.num_rows,
        "age_checks": result.age_checks.num_rows,
        "explained": len(result.explanations),
        "engine_seconds": dict(result.seconds),
    }


def _both_sides(facts: pa.Table, alone: pa.ChunkedArray, ties: int) -> dict[str, int]:
    enough = pc.and_(
        pc.greater_equal(facts.column("deg_u"), ties), pc.greater_equal(facts.column("deg_v"), ties)
    )
    return {"contacts": _count(enough), "zero_mutual": _count(pc.and_(enough, alone))}


def _count(true: pa.ChunkedArray) -> int:
    return int(pc.sum(true).as_py() or 0)
