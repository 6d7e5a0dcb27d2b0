"""Communities: as imported (school, club, team), else by label propagation over the ties.

Accounts are put in an order that comes from what is known about them and from their ties (colour
refinement), of those alike from the platform's identifiers, never from their ids, and ties between
labels are broken by lots drawn from that order: importing the same graph in another order gives the
same communities.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from signals.engine.facts import TieIndex, by_rows
from signals.engine.kernels import label_kernel, standing_kernel, structure_kernel

ROUNDS = 2  # of colour refinement
TURNS = 24  # half-steps of label propagation


def text_keys(column: pa.ChunkedArray) -> NDArray[np.uint64]:
    """The same 64 bits for the same text on every machine; 0 for none."""
    coded = pc.dictionary_encode(column.combine_chunks())
    words = [
        int.from_bytes(hashlib.blake2b(str(word).encode(), digest_size=8).digest())
        for word in coded.dictionary.to_pylist()
    ]
    table = np.array([0, *words], np.uint64)
    keys: NDArray[np.uint64] = table[coded.indices.fill_null(-1).to_numpy() + 1]
    return keys


def structural_order(index: TieIndex, accounts: pa.Table) -> NDArray[np.uint64]:
    """A key for each account from what is known about it and about those around it."""
    key = np.diff(index.indptr).astype(np.uint64)
    for name in ("born", "until_18"):
        known = accounts[name].cast(pa.int64()).fill_null(-1).to_numpy()
        key = key * np.uint64(0x9E3779B97F4A7C15) + known.astype(np.uint64)
    for name in ("region", "community", "role"):
        key = key * np.uint64(0x9E3779B97F4A7C15) + text_keys(accounts[name])
    for _ in range(ROUNDS):
        new = np.empty_like(key)
        by_rows(
            lambda first, last, key=key, new=new: structure_kernel(  # type: ignore[misc]
                first, last, index.indptr, index.neighbour, index.times, key, new
            ),
            index.indptr,
        )
        key = new
    return key


def communities(index: TieIndex, accounts: pa.Table, as_of: int) -> NDArray[np.int32]:
    """The community of each account, as a number that only its members share.

    An imported community is kept; everybody else joins the one that most of its friends belong to.
    """
    count = index.accounts
    key = structural_order(index, accounts)
    label = np.empty(count, np.int32)
    name = accounts["name_key"].to_numpy()
    label[np.lexsort((np.arange(count), name, key))] = np.arange(count, dtype=np.int32)
    imported = text_keys(accounts["community"])
    fixed = np.asarray(accounts["community"].is_valid().to_numpy(zero_copy_only=False))
    _, number = np.unique(imported[fixed], return_inverse=True)
    label[fixed] = (count + number).astype(np.int32)
    if fixed.all() or not len(index.neighbour):
        return label
    near = np.empty_like(index.neighbour)
    ends = np.empty(count, np.uint32)
    by_rows(
        lambda first, last: standing_kernel(
            first,
            last,
            index.indptr,
            index.neighbour,
            index.times,
            as_of,
            fixed,
            near,
            ends,
        ),
        index.indptr,
    )
    for turn in range(TURNS):
        new = np.empty_like(label)
        by_rows(
            lambda first, last, label=label, new=new, turn=turn: label_kernel(  # type: ignore[misc]
                first, last, index.indptr, ends, near, key, label, new, turn
            ),
            index.indptr,
        )
        label = new
    return label
