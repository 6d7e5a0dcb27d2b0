"""I8: first contacts where every friend in common had been made by the account itself, shortly
before.

Someone who works through a school friend by friend shows here while I1 looks ordinary. Who adds a
whole team in one wave has not found one through the other: where all friends in common are as
recent as the wave, the contact is left out. So is what the account does with adults as well.
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
from signals.indicators.own_way import moved
from signals.scoring import rate_llr, rate_range
from signals.spec import ThresholdSpec

KEY = "made_mutuals"


def counts(tables: Tables) -> Table:
    """k: no friend in common but self-made ones; n: informative contacts with friends in common.

    adult_k, adult_n: the same towards adults, for comparison.
    """
    c = tables.contacts
    c = c.filter(
        c.own
        & c.weight.notnull()
        & (c.stretch < len(tables.spec.stretches))
        & (c.deg_v >= tables.spec.informative_ties)
    )
    c = _telling(c)
    child, made = c.weight > 0, c.m_star == 0
    return by_stretch(
        tables,
        c,
        "u",
        k=child & made,
        n=child,
        adult_k=~child & made,
        adult_n=~child,
    )


def _telling(c: Table) -> Table:
    """Contacts with friends in common, but those that were found in one wave with these."""
    return c.filter((c.m > 0) & (c.stood | (c.m_star > 0)))


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Beta-binomial LLR of k of n against the cohort, moved by its way with adults."""
    k, n = frame["k"], frame["n"]
    cohort, concentration = cohorts.rates(frame.account, k, n)
    adult_k, adult_n = frame["adult_k"], frame["adult_n"]
    mean = moved(cohorts, frame.account, cohort, adult_k, adult_n)
    alternative = spec[KEY].alternative or 0.6
    enough = n >= spec[KEY].minimum
    return Judgement(
        account=frame.account,
        llr=rate_llr(k, n, mean, concentration, alternative, spec.concentration, enough),
        k=k,
        n=n,
        expected=n * mean,
        spread=Spread(rate_range, mean, concentration),
        details={"adult_k": adult_k, "adult_n": adult_n},
    )


def sentence(said: Said) -> str:
    """k of n, what comparable accounts have, and how it is with adults."""
    text = (
        f"In {number(said.k)} of {number(said.n)} first contacts with children that had friends in "
        f"common, the account had itself made all of them in the months before; {compared(said)}"
    )
    if said.details["adult_n"]:
        text += (
            f"; with adults {number(said.details['adult_k'])} of "
            f"{number(said.details['adult_n'])}, which is taken into account"
        )
    return text + "."


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few contacts with friends in common."""
    rest = " with children that had friends in common"
    found = said.n if said else None
    return too_few(found, spec[KEY].minimum, "first contact", "first contacts", rest)


def rows(tables: Tables) -> Table:
    """Informative contacts with friends in common; counted: only self-made ones."""
    c = _telling(informative(tables))
    return contact_rows(tables, c, c.m_star == 0, c.m - c.m_star)
