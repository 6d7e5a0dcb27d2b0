"""I14: private threads that the account started with children, whoever had made contact first.

Two questions about the same threads, each of which counts half. Of its private threads, how many
are with children: compared with whom the account meets at all, since whoever teaches children
meets few adults. Of the children it reached, to how many did it start a thread: compared with its
way with adults, since some people write to everybody.
"""

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
    about,
    by_stretch,
    compared,
    counted,
    number,
    safety_rows,
    stretch_of,
    too_few,
    was,
)
from signals.indicators.own_way import moved
from signals.indicators.people import people_met
from signals.scoring import rate_llr, rate_range
from signals.spec import ThresholdSpec

KEY = "private_threads"
WHOM = "met", "met_adults", "reached", "reached_adults"


def _first(threads: Table) -> Table:
    """The first thread of each pair: u, v, t, event. Ids follow the import, not the time."""
    a = threads
    first = a.group_by("u", "v").aggregate(t=a.t.min(), event=a.id.min(), times=a.count())
    several = first.filter(first.times > 1).select("u", "v", "t")
    named = a.select("id", x="u", y="v", at="t")
    several = several.join(
        named, [several.u == named.x, several.v == named.y, several.t == named["at"]]
    )
    several = several.group_by("u", "v", "t").aggregate(event=several.id.min())
    return first.filter(first.times == 1).drop("times").union(several)


def threads(tables: Tables) -> Table:
    """First thread of each pair with somebody of known age: event, u, v, t, child, stretch."""
    spec = tables.spec
    a = tables.approaches
    a = a.filter(a.kind == CREATE)
    first = _first(a)
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
    """k of n threads with children; any: peers too; adults; beside them ``people_met``."""
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
            for name in ("k", "n", "adults", "any", *WHOM)
            for p in places
        },
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Half the Beta-binomial LLR of k of n threads, half that of k of the children reached.

    The first against the cohort moved by whom the account meets, the second against the cohort
    moved by its threads with the adults it reached (see ``moved``).
    """
    k, n, adults, young = (frame[name] for name in ("k", "n", "adults", "any"))
    rate = spec[KEY].alternative or 0.5
    enough = n >= spec[KEY].minimum
    met = frame["met"]

    mean, concentration = cohorts.rates(frame.account, k, n)
    mean = moved(cohorts, frame.account, mean, met, met + frame["met_adults"])
    whom = rate_llr(k, n, mean, concentration, rate, spec.concentration, enough)
    # to a child, whom it writes to are no younger children but peers
    whom = cohorts.or_a_child(whom, frame.account, young, n, rate)

    # a thread reaches somebody too
    reached = np.maximum(frame["reached"], k)
    reached_adults = np.maximum(frame["reached_adults"], adults)
    usual, scatter = cohorts.rates(frame.account, k, reached)
    usual = moved(cohorts, frame.account, usual, adults, reached_adults)
    often = rate_llr(k, reached, usual, scatter, rate, spec.concentration, enough)
    often = cohorts.or_a_child(often, frame.account, young, np.maximum(reached, young), rate)
    return Judgement(
        account=frame.account,
        llr=0.5 * (whom + often),
        k=k,
        n=n,
        expected=n * mean,
        spread=Spread(rate_range, mean, concentration),
        details={
            "adults": adults,
            "reached": reached,
            "usual": reached * usual,
            "reached_adults": reached_adults,
        },
    )


def sentence(said: Said) -> str:
    """k of n, and of those whom it reached, children and adults."""
    d = said.details
    text = (
        f"{number(said.k)} of {number(said.n)} private threads it started {was(said.k)} with "
        f"children; judged by how many children it meets at all, {compared(said)}. Of the "
        f"{counted(d['reached'], 'child', 'children')} it reached it started one with "
        f"{number(said.k)} (comparable accounts: {about(d['usual'])})"
    )
    if d["reached_adults"]:
        adults = counted(d["reached_adults"], "adult", "adults")
        text += f", of the {adults} with {number(d['adults'])}, which is taken into account"
    return text + "."


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few threads."""
    found = said.n if said else None
    return too_few(found, spec[KEY].minimum, "private thread", "private threads", " started")


def rows(tables: Tables) -> Table:
    """Every thread; counted: with a child."""
    c = threads(tables)
    return safety_rows(c, ibis.literal("thread"), c.child, ibis.null("float64"))
