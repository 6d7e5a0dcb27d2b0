"""Numbers that are needed again much later, put aside on disk.

A run keeps what every indicator found of every account until it knows which accounts to explain: on
a million accounts more than a gigabyte, of which little is looked at again.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signals.indicators.base import Judgement

SMALL = 1 << 20  # bytes; what is no larger stays in memory


def put_aside(values: NDArray[Any]) -> NDArray[Any]:
    """The same values, to be read only, in a file that nobody sees and that goes with them."""
    if values.nbytes <= SMALL:
        return values
    values = np.ascontiguousarray(values)
    with tempfile.TemporaryFile(prefix="sightline-") as file:
        values.tofile(file)
        file.flush()
        return np.memmap(file, values.dtype, "r", shape=values.shape)


def judgement_aside(judgement: Judgement) -> Judgement:
    """The same judgement, its numbers put aside."""
    spread = judgement.spread and replace(
        judgement.spread,
        first=put_aside(judgement.spread.first),
        second=put_aside(judgement.spread.second),
    )
    return replace(
        judgement,
        llr=put_aside(judgement.llr),
        k=put_aside(judgement.k),
        n=put_aside(judgement.n),
        expected=put_aside(judgement.expected),
        spread=spread,
        details={name: put_aside(values) for name, values in judgement.details.items()},
    )
