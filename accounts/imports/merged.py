"""What became of a chunk's rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from accounts.formats.rows import Reject


@dataclass(frozen=True, slots=True)
class LateReject:
    """A row of an earlier import that had waited for the event it names, and does not fit it."""

    batch_id: int
    reject: Reject


@dataclass(slots=True)
class Merged:
    """``accepted``: rows that changed the graph; ``duplicates``: rows that it held already."""

    accepted: int = 0
    duplicates: int = 0
    rejects: list[Reject] = field(default_factory=list)
    late: list[LateReject] = field(default_factory=list)


def first_places(values: pa.Array) -> NDArray[np.int64] | None:
    """For each value the position of its first occurrence; None where no value occurs twice."""
    encoded = values.dictionary_encode()
    if len(encoded.dictionary) == len(values):
        return None
    codes = encoded.indices.to_numpy()
    first = np.empty(len(encoded.dictionary), np.int64)
    first[codes[::-1]] = np.arange(len(values) - 1, -1, -1)
    places: NDArray[np.int64] = first[codes]
    return places


def sample(count: int, size: int = 300) -> NDArray[np.int64]:
    """Some positions, evenly spread over ``count`` and including the last."""
    return np.unique(np.linspace(0, count - 1, min(count, size)).astype(np.int64))
