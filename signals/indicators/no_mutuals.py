"""I1: first contacts with children who had no friend in common with the account at that moment."""

from __future__ import annotations

import numpy as np
from ibis.expr.types import Table

from signals.engine.cohorts import Cohorts
from signals.indicators.base import (
    Frame,
    Judgement,
    Said,
    Tables,
    by_stretch,
    compared,
    contact_rows,
    number,
    too_few,
)
from signals.scoring import rate_llr, rate_range
from signals.spec import ThresholdSpec

KEY = "no_mutuals"


def informative(tables: Tables) -> Table:
    """Contacts with children who had ties enough for a friend in common to be expected."""
    c = tables.toward_children()
    return c.filter(c.deg_v >= tables.spec.informative_ties)


def counts(tables: Tables) -> Table:
    """k: informative contacts without a friend in common; n: informative contacts."""
    c = informative(tables)
    return by_stretch(c, tables.spec, "u", k=c.m == 0, n=c.m >= 0)


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Beta-binomial LLR of k of n against the cohort."""
    k, n = frame["k"], frame["n"]
    mean, concentration = cohorts.rates(frame.account, k, n)
    llr = rate_llr(k, n, mean, concentration, spec[KEY].alternative or 0.85, spec.concentration)
    return Judgement(
        account=frame.account,
        llr=np.where(n >= spec[KEY].minimum, llr, np.nan),
        k=k,
        n=n,
        expected=n * mean,
        range=lambda s, i: rate_range(n[s, i], mean[s, i], concentration[s, i]),
    )


def sentence(said: Said) -> str:
    """k of n, and what comparable accounts have."""
    return (
        f"{number(said.k)} of {number(said.n)} first contacts with children had no friend in common "
        f"at that moment; {compared(said)}."
    )


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few informative contacts."""
    what = f"first contacts with children who had {spec.informative_ties} ties or more"
    return too_few(said, spec[KEY].minimum, what)


def rows(tables: Tables) -> Table:
    """Every informative contact; counted: without a friend in common."""
    c = informative(tables)
    return contact_rows(tables, c, c.m == 0)
