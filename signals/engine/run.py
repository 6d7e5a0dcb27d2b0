"""One run of the engine: raw graph in, scores and explanations out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from signals.engine.result import EngineResult
from signals.engine.tables import RawGraph
from signals.spec import ThresholdSpec

# called with the stage ("load", "contact_facts", "indicators", "scores", "evidence") and the share
# of the whole run that is done, 0 to 1; what it raises ends the run
Progress = Callable[[str, float], None]


def run(
    graph: RawGraph,
    spec: ThresholdSpec,
    *,
    as_of: datetime | None = None,
    engine: str = "duckdb",
    progress: Progress | None = None,
    explain: Collection[int] | None = None,
) -> EngineResult:
    """Compute every account's score from what the graph held strictly before ``as_of``.

    Without ``as_of`` everything is used, and the stretches end with the last event or decision.
    ``explain`` names accounts to explain although they are not flagged.
    Raises ValueError for an ``as_of`` without a time zone or an unknown engine.
    """
    raise NotImplementedError
