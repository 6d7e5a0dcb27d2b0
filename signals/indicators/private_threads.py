"""I14: private threads that the account started with children, whoever had made contact first."""

from __future__ import annotations

import ibis
import numpy as np
from ibis.expr.types import Table

from signals.engine.canonical import CREATE
from signals.engine.cohorts import Cohorts
from signals.engine.prepare import YEAR
from signals.indicators.base import (
    Frame,
    Judgement,
    Said,
    Spread,
    Tables,
    by_stretch,
    compared,
    counted,
    number,
    people_met,
    safety_rows,
    stretch_of,
    too_few,
    was,
)
from signals.scoring import rate_llr, rate_range, shift_llr
from signals.spec import ThresholdSpec

KEY = "private_threads"
GAP_CAP = 1.5  # the gap to the account's threads with adults says at most so much


def threads(tables: Tables) -> Table:
    """First thread of each pair with somebody of known age: event, u, v, t, child, stretch."""
    spec = tables.spec
    a = tables.approaches
    a = a.filter(a.kind == CREATE)
    first = a.group_by("u", "v").aggregate(t=a.t.min(), event=a.id.min())
    people = tables.accounts
    mine = people.select(
        me="account",
        my_born="born",
        my_age="fixed_age",
        child_until=ibis.ifelse(people.verified, people.until_18, ibis.null("int64")),
    )
    theirs = people.filter(people.until_18.notnull()).select(
        other="account", born="born", age="fixed_age", until_18="until_18"
    )
    c = first.join(mine, first.u == mine.me).join(theirs, first.v == theirs.other)
    gap = c.my_age.fill_null((c.t - c.my_born).cast("float64") / YEAR) - c.age.fill_null(
        (c.t - c.born).cast("float64") / YEAR
    )
    c = c.filter(~(c.t < c.child_until).fill_null(False))
    c = c.select(
        "event",
        "u",
        "v",
        "t",
        child=(c.t < c.until_18) & (gap >= spec.age_gap).fill_null(True),
        under_18=c.t < c.until_18,
        grown=c.t >= c.until_18,
        stretch=stretch_of(c.t, spec, tables.as_of),
    )
    return tables.keep("threads", c.filter(c.stretch < len(spec.stretches)))


def counts(tables: Tables) -> Table:
    """k of n threads with children; any: peers too; adults; met, met_adults: people in contact."""
    c = threads(tables)
    mine = by_stretch(tables, c, "u", k=c.child, n=c.t >= 0, adults=c.grown, any=c.under_18)
    busy = mine.filter(mine[f"n_{len(tables.spec.stretches) - 1}"] >= 1)
    met = people_met(tables)
    both = busy.left_join(met, busy.account == met.met_by)
    places = range(len(tables.spec.stretches))
    return both.select(
        "account",
        **{
            f"{name}_{p}": both[f"{name}_{p}"].fill_null(0)
            for name in ("k", "n", "adults", "any", "met", "met_adults")
            for p in places
        },
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Beta-binomial LLR of k of n, and the gap to the account's own threads with adults."""
    k, n = frame["k"], frame["n"]
    mean, concentration = cohorts.rates(frame.account, k, n)
    rate = spec[KEY].alternative or 0.5
    enough = n >= spec[KEY].minimum
    llr = rate_llr(k, n, mean, concentration, rate, spec.concentration, enough)
    # to a child, whom it writes to are no younger children but peers
    llr = cohorts.or_a_child(llr, frame.account, frame["any"], n, rate)
    children, adults = k + 0.5, frame["adults"] + 0.5
    gap = np.log(children / (frame["met"] + 1.0)) - np.log(adults / (frame["met_adults"] + 1.0))
    z = gap / np.sqrt(1.0 / children + 1.0 / adults)
    apart = np.clip(shift_llr(z), -GAP_CAP, GAP_CAP)
    return Judgement(
        account=frame.account,
        llr=llr + apart,
        k=k,
        n=n,
        expected=n * mean,
        spread=Spread(rate_range, mean, concentration),
        details={
            "adults": frame["adults"],
            "met": frame["met"],
            "met_adults": frame["met_adults"],
        },
    )


def sentence(said: Said) -> str:
    """k of n, and how it treats adults."""
    d = said.details
    return (
        f"{number(said.k)} of {number(said.n)} private threads it started {was(said.k)} with "
        f"children; {compared(said)}. It started one with {number(said.k)} of the "
        f"{counted(d['met'], 'child', 'children')} and with {number(d['adults'])} of the "
        f"{counted(d['met_adults'], 'adult', 'adults')} it had contact with."
    )


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few threads."""
    found = said.n if said else None
    return too_few(found, spec[KEY].minimum, "private thread", "private threads", " started")


def rows(tables: Tables) -> Table:
    """Every thread; counted: with a child."""
    c = threads(tables)
    return safety_rows(c, ibis.literal("thread"), c.child, ibis.null("float64"))
