"""I3: the share of children among everybody whom the account contacted unasked.

What is to be expected comes from the ages around the account: the friends of those friends whom it
did not itself approach (its own approaches would excuse it), steadied by the cohort. A target of
unknown age counts as the share of children among the known ages around it. A child less than some
years younger counts as a peer.
"""

from __future__ import annotations

import ibis
import numpy as np
from ibis.expr.types import Table

from signals.engine.cohorts import Cohorts
from signals.engine.prepare import YEAR
from signals.indicators.base import (
    Frame,
    Judgement,
    Said,
    Tables,
    by_stretch,
    compared,
    contact_rows,
    number,
    standing_ties,
    too_few,
    total,
)
from signals.scoring import rate_llr, rate_range
from signals.spec import ThresholdSpec

KEY = "minor_share"
UNIT = 1_000_000
LEAST_MINORS = 3
STEADY = 50.0  # people around that weigh as much as the cohort


def contacts(tables: Tables) -> Table:
    """Contacts of known weight: share, in millionths, that counts as a child."""
    c = tables.contacts
    c = c.filter(c.own & (c.stretch < len(tables.spec.stretches)))
    around = tables.keep("ages_around_unknown", _ages_around_unknown(tables))
    c = c.left_join(around, c.v == around.unknown)
    share = ibis.ifelse(c.weight.notnull(), ibis.ifelse((c.weight > 0) & c.elder, UNIT, 0), c.share)
    c = c.mutate(x=share.cast("int64"))
    return c.filter(c.x.notnull()).drop("unknown", "share")


def _ages_around_unknown(tables: Tables) -> Table:
    """Accounts of unknown age: the share of children among their friends of known age."""
    a = tables.accounts
    unknown = a.filter(a.until_18.isnull()).select(unknown="account")
    known = a.filter(a.until_18.notnull())
    known = known.select(friend="account", child=known.until_18 > tables.as_of)
    near = tables.keep("standing", standing_ties(tables.ties, tables.as_of))
    near = near.join(unknown, near.x == unknown.unknown).join(known, near.w == known.friend)
    near = near.group_by("unknown").aggregate(
        all=near.count(), children=total(near.child.cast("int64"))
    )
    share = (near.children * UNIT).cast("float64") / near["all"]
    return near.select("unknown", share=share.round().cast("int64"))


def counts(tables: Tables) -> Table:
    """x: children (millionths) among n contacts; near, minors_near: known ages around."""
    c = contacts(tables)
    found = tables.keep("minor_share_counts", by_stretch(c, tables.spec, "u", k=c.x, n=c.x >= 0))
    last = len(tables.spec.stretches) - 1
    enough = found.filter(
        (found[f"n_{last}"] >= tables.spec[KEY].minimum)
        & (found[f"k_{last}"] >= LEAST_MINORS * UNIT)
    )
    around = tables.keep("minor_share_around", _around(tables, enough.select("account")))
    both = found.left_join(around, found.account == around.u)
    places = range(len(tables.spec.stretches))
    return both.select(
        "account",
        *(f"{name}_{place}" for name in ("k", "n") for place in places),
        **{f"near_{place}": both.near.fill_null(0) for place in places},
        **{f"minors_near_{place}": both.minors_near.fill_null(0) for place in places},
    )


def _around(tables: Tables, chosen: Table) -> Table:
    """Friends of the friends whom u did not approach: how many of known age, how many children.

    Children who would count as peers of u are left out of the children: under 22 by age group.
    """
    as_of = tables.as_of
    a = tables.accounts
    age = a.fixed_age.fill_null((as_of - a.born).cast("float64") / YEAR)
    people = a.select(
        person="account",
        own=ibis.cases((age < 18, 2), (age < 22, 1), else_=0).cast("int8"),
        known=a.until_18.notnull().cast("int64"),
        under_18=(a.until_18 > as_of).fill_null(False).cast("int64"),
        under_16=(a.until_16 > as_of).fill_null(False).cast("int64"),
        under_13=(a.until_13 > as_of).fill_null(False).cast("int64"),
    )
    measures = ("known", "under_18", "under_16", "under_13")
    organic = standing_ties(tables.ties, as_of, organic=True)
    mine = tables.keep(
        "minor_share_friends",
        organic.join(chosen.select(chosen="account"), organic.x == chosen.account).select("x", "w"),
    )
    friends = mine.select(friend="w").distinct()
    standing = tables.keep("standing", standing_ties(tables.ties, as_of))
    theirs = standing.join(friends, standing.x == friends.friend)
    theirs = theirs.join(people, theirs.w == people.person)
    theirs = theirs.group_by("friend").aggregate(**{name: total(theirs[name]) for name in measures})
    # everybody around the friend but u
    me = people.select("person", "own", **{f"my_{name}": people[name] for name in measures})
    both = mine.join(theirs, mine.w == theirs.friend).join(me, mine.x == me.person)
    others = {name: both[name] - both[f"my_{name}"] for name in measures}
    children = ibis.cases(
        (both.own == 2, others["under_13"]), (both.own == 1, others["under_16"]),
        else_=others["under_18"],
    )  # fmt: skip
    both = both.select(u="x", near=others["known"], minors_near=children)
    return both.group_by("u").aggregate(near=total(both.near), minors_near=total(both.minors_near))


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Beta-binomial LLR against the ages around the account."""
    k, n = frame["k"] / UNIT, frame["n"]
    cohort, concentration = cohorts.rates(frame.account, k, n)
    near = frame["near"]
    mean = (frame["minors_near"] + STEADY * cohort) / (near + STEADY)
    mean = np.clip(mean, 0.005, 0.995)
    llr = rate_llr(k, n, mean, concentration, spec[KEY].alternative or 0.6, spec.concentration)
    enough = (n >= spec[KEY].minimum) & (k >= LEAST_MINORS)
    return Judgement(
        account=frame.account,
        llr=np.where(enough, llr, np.nan),
        k=k,
        n=n,
        expected=n * mean,
        range=lambda s, i: rate_range(n[s, i], mean[s, i], concentration[s, i]),
        details={"near": near},
    )


def sentence(said: Said) -> str:
    """The share, and what the surroundings let expect."""
    where = "the ages around it" if said.details["near"] else "its cohort"
    return (
        f"{number(said.k)} of {number(said.n)} people it contacted first were children clearly "
        f"younger than itself; judged by {where}, {compared(said)}."
    )


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few contacts, or too few children."""
    if said and said.n >= spec[KEY].minimum:
        return f"{number(said.k)} children contacted; {LEAST_MINORS} are needed"
    return too_few(said, spec[KEY].minimum, "first contacts")


def rows(tables: Tables) -> Table:
    """Every contact with its share; counted: children."""
    c = contacts(tables)
    return contact_rows(tables, c, c.x > 0, c.x.cast("float64") / UNIT)
