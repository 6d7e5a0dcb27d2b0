"""I1: first contacts with children who had no friend in common with the account at that moment."""

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
    counted,
    number,
    too_few,
)
from signals.indicators.own_way import moved
from signals.indicators.people import people_came
from signals.scoring import rate_llr, rate_range
from signals.spec import ThresholdSpec

KEY = "no_mutuals"


def informative(tables: Tables) -> Table:
    """Contacts with children who had ties enough for a friend in common to be expected."""
    c = tables.toward_children()
    return c.filter(c.deg_v >= tables.spec.informative_ties)


def counts(tables: Tables) -> Table:
    """k: informative contacts without a friend in common; n: informative contacts.

    adult_k, adult_n: the same towards adults, for comparison; came_k, came_n: the same of people
    who came to it.
    """
    c = tables.contacts
    c = c.filter(
        c.own
        & c.weight.notnull()
        & (c.stretch < len(tables.spec.stretches))
        & (c.deg_v >= tables.spec.informative_ties)
    )
    child, stranger = c.weight > 0, c.m == 0
    went = by_stretch(
        tables,
        c,
        "u",
        k=child & stranger,
        n=child,
        adult_k=~child & stranger,
        adult_n=~child,
    )
    came = people_came(tables)
    both = went.left_join(came, went.account == came.came_to)
    places = range(len(tables.spec.stretches))
    return both.select(
        *went.columns,
        **{f"came_k_{p}": both[f"came_strange_{p}"].fill_null(0) for p in places},
        **{f"came_n_{p}": both[f"came_tied_{p}"].fill_null(0) for p in places},
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Beta-binomial LLR of k of n against the cohort, moved by its way with others.

    A newcomer, or somebody who writes to everybody, has no friends in common with adults either,
    and those who come to a school's own account have none in common with it (see ``moved``).
    """
    k, n = frame["k"], frame["n"]
    cohort, concentration = cohorts.rates(frame.account, k, n)
    adult_k, adult_n = frame["adult_k"], frame["adult_n"]
    came_k, came_n = frame["came_k"], frame["came_n"]
    mean = moved(cohorts, frame.account, cohort, adult_k + came_k, adult_n + came_n)
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
        details={"adult_k": adult_k, "adult_n": adult_n, "came_k": came_k, "came_n": came_n},
    )


def sentence(said: Said) -> str:
    """k of n, what comparable accounts have, and how it is with adults."""
    text = (
        f"{number(said.k)} of {number(said.n)} first contacts with children had no friend in "
        f"common at that moment; {compared(said)}"
    )
    d = said.details
    others = [
        f"{who} {number(d[f'{name}_k'])} of {number(d[f'{name}_n'])}"
        for who, name in (("with adults", "adult"), ("of people who came to it", "came"))
        if d[f"{name}_n"]
    ]
    if others:
        text += f"; {' and '.join(others)}, which is taken into account"
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
