"""How an account goes about it with others than children moves what it is compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from signals.engine.cohorts import Cohorts
from signals.indicators.base import Floats

# log-odds by which the account's way with others moves the comparison, at most
OWN_SHIFT = (-0.5, 4.0)
# who goes about everything differently is no draw from the cohort's scatter: so many contacts of
# its own outweigh it
STEADY = 10.0


def moved(
    cohorts: Cohorts,
    account: NDArray[np.int64],
    mean: Floats,
    other_k: Floats,
    other_n: Floats,
) -> Floats:
    """The cohort's ``mean`` rate towards children, moved by the account's own rate with others.

    ``other_k`` of ``other_n``: the same thing where no child was asked. The mean moves by as much
    as the account's own rate lies above (by less below) what is usual there, in log-odds and
    steadied: who does this with everybody does not choose children for it.
    """
    usual, scatter = cohorts.rates(account, other_k, other_n)
    steady = np.minimum(scatter, STEADY)
    own = (other_k + steady * usual) / (other_n + steady)
    shift = np.clip(logit(own) - logit(usual), *OWN_SHIFT)
    return np.asarray(np.clip(expit(logit(mean) + shift), 0.005, 0.995))
