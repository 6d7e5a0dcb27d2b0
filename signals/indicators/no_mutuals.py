"""I1: first contacts with children who had no friend in common with the account at that moment."""

from __future__ import annotations

import numpy as np
from ibis.expr.types import Table
from scipy.special import expit, logit

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
    counted,
    number,
    too_few,
)
from signals.scoring import rate_llr, rate_range
from signals.spec import ThresholdSpec

KEY = "no_mutuals"
OWN_SHIFT = (-0.5, 3.0)  # log-odds by which the account's way with adults moves the comparison


def informative(tables: Tables) -> Table:
    """Contacts with children who had ties enough for a friend in common to be expected."""
    c = tables.toward_children()
    return c.filter(c.deg_v >= tables.spec.informative_ties)


def counts(tables: Tables) -> Table:
    """k: informative contacts without a friend in common; n: informative contacts.

    adult_k, adult_n: the same towards adults, for comparison.
    """
    c = tables.contacts
    c = c.filter(
        c.own
        & c.weight.notnull()
        & (c.stretch < len(tables.spec.stretches))
        & (c.deg_v >= tables.spec.informative_ties)
    )
    child, stranger = c.weight > 0, c.m == 0
    return by_stretch(
        tables,
        c,
        "u",
        k=child & stranger,
        n=child,
        adult_k=~child & stranger,
        adult_n=~child,
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Beta-binomial LLR of k of n against the cohort, moved by how it approaches adults.

    A newcomer, or somebody who writes to everybody, has no friends in common with adults either:
    the cohort's mean moves by as much as the account's own rate towards adults lies above (by less
    below) what is usual, both steadied by the cohort's scatter.
    """
    k, n = frame["k"], frame["n"]
    cohort, concentration = cohorts.rates(frame.account, k, n)
    adult_k, adult_n = frame["adult_k"], frame["adult_n"]
    usual, steady = cohorts.rates(frame.account, adult_k, adult_n)
    own = (adult_k + steady * usual) / (adult_n + steady)
    shift = np.clip(logit(own) - logit(usual), *OWN_SHIFT)
    mean = np.clip(expit(logit(cohort) + shift), 0.005, 0.995)
    alternative = spec[KEY].alternative or 0.85
    enough = n >= spec[KEY].minimum
    llr = rate_llr(k, n, mean, concentration, alternative, spec.concentration, enough)
    llr = cohorts.or_a_child(llr, frame.account, k, n, alternative)
    return Judgement(
        account=frame.account,
        llr=llr,
        k=k,
        n=n,
        expected=n * mean,
        spread=Spread(rate_range, mean, concentration),
        details={"adult_k": adult_k, "adult_n": adult_n},
    )


def sentence(said: Said) -> str:
    """k of n, what comparable accounts have, and how it is with adults."""
    text = (
        f"{number(said.k)} of {number(said.n)} first contacts with children had no friend in "
        f"common at that moment; {compared(said)}"
    )
    if said.details["adult_n"]:
        text += (
            f"; with adults {number(said.details['adult_k'])} of "
            f"{number(said.details['adult_n'])}, which is taken into account"
        )
    return text + "."


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few informative contacts."""
    ties = counted(spec.informative_ties, "tie", "ties")
    return too_few(
        said.n if said else None,
        spec[KEY].minimum,
        "first contact",
        "first contacts",
        f" with children who had {ties} or more",
    )


def rows(tables: Tables) -> Table:
    """Every informative contact; counted: without a friend in common."""
    c = informative(tables)
    return contact_rows(tables, c, c.m == 0)
