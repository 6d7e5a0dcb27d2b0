"""Sums by account and stretch: what ``joins.tally`` says as an expression, by a compiled kernel.

A table of hashes over a million accounts with a dozen sums each costs several times as much as
adding the rows up where their accounts stand.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@nb.njit(cache=True, nogil=True)
def _add(account: Any, stretch: Any, values: Any, sums: Any) -> None:  # pragma: no cover - compiled
    """Add each value to the account's sum of its stretch; ``sums``: (account, stretch)."""
    for i in range(len(account)):
        sums[account[i], stretch[i]] += values[i]


def tally(rows: pa.RecordBatchReader, accounts: int, stretches: int) -> pa.Table:
    """account and, for each column NAME of the rows but account and stretch, NAME_0 …: its sums.

    Rows with ``stretch`` s, below ``stretches``, count in NAME_s and those after it; where the rows
    have none, NAME is the sum of all. Accounts are numbers below ``accounts``; those without a row
    are left out. Columns hold whole numbers.
    """
    staged = "stretch" in rows.schema.names
    if not staged:
        stretches = 1
    seen = np.zeros(accounts, np.bool_)
    names = [name for name in rows.schema.names if name not in ("account", "stretch")]
    sums: dict[str, NDArray[np.int64]] = {
        name: np.zeros((accounts, stretches), np.int64) for name in names
    }
    for batch in rows:
        account = batch["account"].to_numpy()
        stretch = batch["stretch"].to_numpy() if staged else np.zeros(len(account), np.int8)
        seen[account] = True
        for name in names:
            _add(account, stretch, batch[name].to_numpy(), sums[name])
    there = np.flatnonzero(seen)
    columns: dict[str, Any] = {"account": there.astype(np.int32)}
    for name in names:
        of = np.cumsum(sums.pop(name)[there], axis=1)
        for place in range(stretches):
            columns[f"{name}_{place}" if staged else name] = of[:, place].copy()
    return pa.table(columns)
