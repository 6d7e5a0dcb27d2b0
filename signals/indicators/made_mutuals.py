"""I8: first contacts where every friend in common had been made by the account itself, shortly
before.

Someone who works through a school friend by friend shows here while I1 looks ordinary.
"""

from __future__ import annotations

from ibis.expr.types import Table

from signals.engine.cohorts import Cohorts
from signals.indicators.base import (
    Frame,
    Judgement,
    Said,
    Spread,
    Tables,
    by_stretch,
    compared,
    contact_rows,
    number,
    too_few,
)
from signals.indicators.no_mutuals import informative
from signals.scoring import rate_llr, rate_range
from signals.spec import ThresholdSpec

KEY = "made_mutuals"


def counts(tables: Tables) -> Table:
    """k: no friend in common but self-made ones; n: informative contacts with friends in common."""
    c = informative(tables)
    c = c.filter(c.m > 0)
    return by_stretch(tables, c, "u", k=c.m_star == 0, n=c.m > 0)


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Beta-binomial LLR of k of n against the cohort."""
    k, n = frame["k"], frame["n"]
    mean, concentration = cohorts.rates(frame.account, k, n)
    alternative = spec[KEY].alternative or 0.6
    enough = n >= spec[KEY].minimum
    return Judgement(
        account=frame.account,
        llr=rate_llr(k, n, mean, concentration, alternative, spec.concentration, enough),
        k=k,
        n=n,
        expected=n * mean,
        spread=Spread(rate_range, mean, concentration),
    )


def sentence(said: Said) -> str:
    """k of n."""
    return (
        f"In {number(said.k)} of {number(said.n)} first contacts with children that had friends in "
        f"common, the account had itself made all of them in the months before; {compared(said)}."
    )


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few contacts with friends in common."""
    rest = " with children that had friends in common"
    found = said.n if said else None
    return too_few(found, spec[KEY].minimum, "first contact", "first contacts", rest)


def rows(tables: Tables) -> Table:
    """Informative contacts with friends in common; counted: only self-made ones."""
    c = informative(tables)
    c = c.filter(c.m > 0)
    return contact_rows(tables, c, c.m_star == 0, c.m - c.m_star)
