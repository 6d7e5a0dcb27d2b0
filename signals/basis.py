"""What the values of a run rest on. Equal basis, equal values: nothing needs computing again.

Rows of the graph change through imports only, so the sums that the import batches keep say whether
anything did; a batch that has not ended may still resolve rows, so it is named. The rest is what
people decided, the threshold version, the time asked for, and the engine's own code.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.utils import timezone

from signals import hooks
from signals.draws import month
from signals.models import ThresholdSet

GRAPH_QUERY: Final = """
    SELECT json_build_object(
        'accepted', (SELECT sum(accepted_accounts + accepted_ties + accepted_events)
                     FROM accounts_importbatch),
        'unfinished', (SELECT json_agg(id ORDER BY id) FROM accounts_importbatch
                       WHERE state IN ('queued', 'running', 'interrupted')),
        'last', json_build_array((SELECT max(id) FROM accounts_account),
                                 (SELECT max(id) FROM accounts_tie),
                                 (SELECT max(id) FROM accounts_event))
    )::text AS graph
"""
"""One row with the state of the graph as JSON text. The snapshot asks it in its own transaction."""


def graph_now() -> dict[str, Any]:
    """The state of the graph as it is committed now."""
    with connection.cursor() as cursor:
        cursor.execute(GRAPH_QUERY)
        (text,) = cursor.fetchone()
    return {**json.loads(text), **files_now()}


def files_now() -> dict[str, Any]:
    """The state of the files that stand in for the database, if there are any."""
    address = settings.SIGNALS_GRAPH
    if not address:
        return {}
    # Brings pyarrow, which most processes never need.
    from signals import graph_files

    return {"files": [address, *graph_files.state(address)]}


def basis_of(
    *,
    graph: dict[str, Any],
    thresholds: ThresholdSet,
    as_of: datetime | None,
    labels: list[hooks.Label],
    exemptions: list[hooks.Exemption],
    sample: str | None = None,
) -> dict[str, Any]:
    """The basis of values computed from these, as plain JSON.

    ``sample``: the month of the random draw where there is one, so that a new month is reason
    enough for a run.
    """
    drawn = {} if sample is None else {"sample": sample}
    return drawn | {
        "graph": graph,
        "thresholds": thresholds.version,
        "as_of": None if as_of is None else as_of.isoformat(),
        "decisions": _digest(sorted(map(repr, [*labels, *exemptions]))),
        "engine": engine_digest(),
    }


def basis_now(*, thresholds: ThresholdSet, as_of: datetime | None) -> dict[str, Any]:
    """The basis that a run started now would have."""
    return basis_of(
        graph=graph_now(),
        thresholds=thresholds,
        as_of=as_of,
        labels=hooks.labels(),
        exemptions=hooks.exemptions(),
        sample=month(thresholds, as_of, timezone.now()),
    )


@cache
def engine_digest() -> str:
    """Changes with the code that computes: values of another engine are not these values."""
    own = Path(__file__).parent
    files = [
        *sorted(own.glob("engine/*.py")),
        *sorted(own.glob("indicators/*.py")),
        own / "graph_files.py",
        own / "lanes.py",
        own / "scoring.py",
        own / "snapshot.py",
        own / "spec.py",
    ]
    return _digest([file.read_text("utf-8") for file in files if file.exists()])


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
