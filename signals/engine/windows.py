"""The busiest stretches of days of each account, by a compiled kernel.

What ``joins.busiest`` says as an expression. A database keeps ten sums for each contact before it
takes the largest; one pass over the contacts in order of time needs none of them.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import pyarrow as pa

from signals.engine.prepare import DAY

PACK = 2**31
"""A window as one number: children × PACK + (PACK − 1 − people). The largest is the one with the
most children and, of these, the fewest people."""


@nb.njit(cache=True, nogil=True)
def _busiest(  # pragma: no cover - compiled
    starts: Any, t: Any, child: Any, stretch: Any, lengths: Any, best: Any, totals: Any
) -> None:
    """Fill ``best`` (account, length, stretch) and ``totals`` (account, children or people, …).

    The contacts starts[a]:starts[a + 1] are an account's, in order of time.
    """
    places = best.shape[2]
    low = np.zeros(len(lengths), np.int64)
    inside = np.zeros(len(lengths), np.int64)
    for a in range(len(starts) - 1):
        low[:] = starts[a]
        inside[:] = 0
        i = starts[a]
        while i < starts[a + 1]:
            # those at the same instant are in each other's windows
            j = i
            while j < starts[a + 1] and t[j] == t[i]:
                for p in range(stretch[j], places):
                    totals[a, 0, p] += child[j]
                    totals[a, 1, p] += 1
                for d in range(len(lengths)):
                    inside[d] += child[j]
                j += 1
            for d in range(len(lengths)):
                while t[low[d]] < t[i] - lengths[d]:
                    inside[d] -= child[low[d]]
                    low[d] += 1
                for x in range(i, j):
                    for p in range(stretch[x], places):
                        # a window that begins before the stretch is cut where that begins
                        children = min(inside[d], totals[a, 0, p])
                        people = min(j - low[d], totals[a, 1, p])
                        packed = children * PACK + (PACK - 1 - people)
                        best[a, d, p] = max(best[a, d, p], packed)
            i = j


def busiest(rows: pa.Table, days: tuple[int, ...], stretches: int) -> pa.Table:
    """account, bestD_0 … for each number of ``days`` D (see PACK), children_0 …, known_0 ….

    ``rows``: account, t (µs), child (1 or 0), stretch; sorted by account and t. A window ends with
    a contact of its stretch.
    """
    account = rows["account"].to_numpy()
    cuts = np.flatnonzero(account[1:] != account[:-1]) + 1
    starts = np.concatenate([[0], cuts, [len(account)]]) if len(account) else np.zeros(1, np.int64)
    count = len(starts) - 1
    best = np.full((count, len(days), stretches), -1, np.int64)
    totals = np.zeros((count, 2, stretches), np.int64)
    _busiest(
        starts,
        rows["t"].to_numpy(),
        rows["child"].to_numpy(),
        rows["stretch"].to_numpy(),
        np.array(days, np.int64) * DAY,
        best,
        totals,
    )
    best[best < 0] = PACK - 1  # no window at all
    columns: dict[str, Any] = {"account": account[starts[:-1]].astype(np.int32)}
    for place in range(stretches):
        for number, length in enumerate(days):
            columns[f"best{length}_{place}"] = best[:, number, place].copy()
        columns[f"children_{place}"] = totals[:, 0, place].copy()
        columns[f"known_{place}"] = totals[:, 1, place].copy()
    return pa.table(columns)
