"""What goes beside the scores: linked accounts, rings, and ages that should be checked."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from signals.engine.judge import Judged
from signals.engine.prepare import BANDS, Prepared
from signals.engine.result import AGE_CHECKS, LINKS
from signals.indicators import age_mismatch, co_targeting
from signals.indicators.base import Tables
from signals.spec import ThresholdSpec

ADULT = BANDS.index("18_plus")


def links(tables: Tables, prepared: Prepared, spec: ThresholdSpec) -> pa.Table:
    """Pairs that approach the same children more than chance explains, the least likely first.

    Of the stretches the one that explains it least.
    """
    if not spec["co_targeting"].enabled:
        return LINKS.empty_table()
    found = co_targeting.links(tables)
    best = found.p.argmin(axis=0)
    at = best, np.arange(len(found.a))
    table = pa.table(
        {
            "a": prepared.ids[found.a],
            "b": prepared.ids[found.b],
            "shared": found.shared[at].astype(np.int64),
            "weight": found.weight[at],
            "p": found.p[at],
        },
        schema=LINKS,
    )
    return table.sort_by([("p", "ascending"), ("a", "ascending"), ("b", "ascending")])


def rings(linked: pa.Table, judged: Judged, prepared: Prepared) -> NDArray[np.int64]:
    """For each assessed account the number of its ring, 0 for none: connected components of links.

    Rings are numbered by their best-ranked account.
    """
    graph = nx.Graph()
    graph.add_edges_from(zip(linked["a"].to_pylist(), linked["b"].to_pylist(), strict=True))
    rank = dict(zip(prepared.ids[judged.account].tolist(), judged.rank.tolist(), strict=True))
    last = len(rank) + 1
    components = sorted(
        nx.connected_components(graph),
        key=lambda ring: (sorted(rank.get(account, last) for account in ring), min(ring)),
    )
    number = {account: place for place, ring in enumerate(components, 1) for account in ring}
    return np.array([number.get(account, 0) for account in rank], np.int64)


def age_checks(judged: Judged, prepared: Prepared) -> pa.Table:
    """Accounts whose recorded age should be checked, and why.

    ``flagged_minor``: recorded as a child and flagged; the check comes first, with wording for a
    child. ``looks_adult``: recorded as a child, its ties look like an adult's. ``looks_minor``:
    recorded as an adult and flagged, its ties look like a child's.
    """
    band = prepared.band[judged.account]
    rows: list[tuple[int, str, float]] = []
    looks = np.full(len(judged.account), np.nan)
    judgement = judged.judgements.get("age_mismatch")
    if judgement is not None and len(judgement.account):
        place = np.searchsorted(judgement.account, judged.account)
        place = np.minimum(place, len(judgement.account) - 1)
        there = judgement.account[place] == judged.account
        # ties are looked at as of the run, whatever the stretch
        looks = np.where(there, judgement.details["looks"][-1, place], np.nan)
    marked = np.nan_to_num(looks) >= age_mismatch.CHECK
    for kind, chosen in (
        ("flagged_minor", judged.flagged & (band < ADULT)),
        ("looks_adult", marked & (band < ADULT)),
        ("looks_minor", judged.flagged & marked & (band == ADULT)),
    ):
        rows.extend(
            (int(prepared.ids[judged.account[place]]), kind, float(looks[place]))
            for place in np.flatnonzero(chosen)
        )
    rows.sort()
    accounts, kinds, values = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        {
            "account": pa.array(accounts, pa.int64()),
            "kind": pa.array(kinds, pa.string()),
            "llr": pa.array(values, pa.float64(), from_pandas=True),
        },
        schema=AGE_CHECKS,
    )
