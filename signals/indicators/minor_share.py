"""I3: the share of children among everybody whom the account contacted unasked.

What is to be expected comes from the ages around the account: the friends of those friends whom it
did not itself approach (its own approaches would excuse it), steadied by the cohort, and the ages
of those who came to it: whom children seek out has children around. A target of unknown age counts
as the share of children among the known ages around it. A child less than some years younger counts
as a peer.
"""

from __future__ import annotations

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr.types import Table

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
    contact_rows,
    number,
    too_few,
)
from signals.indicators.people import people_came
from signals.scoring import rate_llr, rate_range
from signals.spec import ThresholdSpec

KEY = "minor_share"
UNIT = 1_000_000
LEAST_MINORS = 3
AGES = ("known", "under_18", "under_16", "under_13")
STEADY = 50.0  # people around that weigh as much as the cohort
CAME = 20.0  # people who came to the account that weigh as much as all of these


def contacts(tables: Tables) -> Table:
    """Contacts of known weight: x, in millionths, that counts as a child; young: peers too."""
    c = tables.contacts
    c = c.filter(c.own & (c.stretch < len(tables.spec.stretches)))
    known = c.filter(c.weight.notnull())
    child = (known.weight > 0) & known.elder
    known = known.mutate(
        x=ibis.ifelse(child, UNIT, 0).cast("int64"),
        young=ibis.ifelse(known.weight > 0, UNIT, 0).cast("int64"),
    )
    around = _ages_around(tables)
    around = around.filter(around.known > 0)
    share = (around.under_18 * UNIT).cast("float64") / around.known
    share = share.round().cast("int64")
    around = around.select(unknown="account", x=share, young=share)
    unknown = c.filter(c.weight.isnull())
    unknown = unknown.join(around, unknown.v == around.unknown).select(*known.columns)
    return known.union(unknown)


def _age_classes(tables: Tables) -> pa.Table:
    """By account number, 1 or 0: known, under_18, under_16, under_13 at the run."""
    a = tables.prepared.accounts
    columns = {"known": a["until_18"].is_valid()}
    for age in (18, 16, 13):
        columns[f"under_{age}"] = pc.greater(a[f"until_{age}"], tables.as_of).fill_null(False)
    return pa.table({name: values.cast(pa.int64()) for name, values in columns.items()})


def _ages_around(tables: Tables) -> Table:
    """By account: how many of its friends are of known age, and how many are children."""
    return tables.once(
        "ages_around",
        lambda: tables.sums("ages_around", _age_classes, False),
    )


def _surroundings(tables: Tables) -> Table:
    """Friends of the friends whom u did not approach: near of known age, minors_near children.

    Children who would count as peers of u are left out of the children: under 22 by age group.
    """
    return tables.once("surroundings", lambda: _friends_of_friends(tables))


def _ages_of_friends(tables: Tables) -> pa.Table:
    """By account number the sums of ``_ages_around``, and 1 as ``friends``."""
    found = tables.ask(_ages_around(tables))
    order = np.argsort(found["account"])
    friends = pa.table({name: found[name][order] for name in AGES})
    # how many friends there are is how often u itself is counted
    return friends.append_column("friends", pa.array(np.ones(friends.num_rows, np.int64)))


def _friends_of_friends(tables: Tables) -> Table:
    sums = tables.sums("friends_of_friends", _ages_of_friends, True)
    a = tables.accounts
    age = a.fixed_age.fill_null((tables.as_of - a.born).cast("float64") / YEAR)
    until = {18: a.until_18, 16: a.until_16, 13: a.until_13}
    me = a.select(
        me="account",
        own=ibis.cases((age < 18, 2), (age < 22, 1), else_=0).cast("int8"),
        my_known=a.until_18.notnull().cast("int64"),
        **{
            f"my_under_{years}": (limit > tables.as_of).fill_null(False).cast("int64")
            for years, limit in until.items()
        },
    )
    both = sums.join(me, sums.account == me.me)
    others = {name: both[name] - both.friends * both[f"my_{name}"] for name in AGES}
    children = ibis.cases(
        (both.own == 2, others["under_13"]),
        (both.own == 1, others["under_16"]),
        else_=others["under_18"],
    )
    return both.select(u="account", near=others["known"], minors_near=children, grown=both.own == 0)


def counts(tables: Tables) -> Table:
    """k: children (millionths) among n contacts; young: with peers; near, minors_near: around.

    came, came_adults: people of known age who came to the account, if no children are its peers.
    """
    c = contacts(tables)
    found = by_stretch(tables, c, "u", k=c.x, n=c.x >= 0, young=c.young)
    around = _surroundings(tables)
    both = found.join(around, found.account == around.u)
    came = people_came(tables)
    both = both.left_join(came, both.account == came.came_to)
    places = range(len(tables.spec.stretches))
    return both.select(
        "account",
        *(f"{name}_{place}" for name in ("k", "n", "young") for place in places),
        **{f"{name}_{p}": both[name] for name in ("near", "minors_near") for p in places},
        **{
            f"{name}_{p}": ibis.ifelse(both.grown, both[f"{name}_{p}"].fill_null(0), 0)
            for name in ("came", "came_adults")
            for p in places
        },
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Beta-binomial LLR against the ages around the account."""
    k, n = frame["k"] / UNIT, frame["n"]
    cohort, concentration = cohorts.rates(frame.account, k, n)
    near = frame["near"]
    mean = (frame["minors_near"] + STEADY * cohort) / (near + STEADY)
    came, came_known = frame["came"], frame["came"] + frame["came_adults"]
    mean = np.clip((came + CAME * mean) / (came_known + CAME), 0.005, 0.995)
    alternative = spec[KEY].alternative or 0.6
    enough = (n >= spec[KEY].minimum) & (k >= LEAST_MINORS)
    llr = rate_llr(k, n, mean, concentration, alternative, spec.concentration, enough)
    # to a child, these are no younger children but peers
    llr = cohorts.or_a_child(llr, frame.account, frame["young"] / UNIT, n, alternative)
    return Judgement(
        account=frame.account,
        llr=llr,
        k=k,
        n=n,
        expected=n * mean,
        spread=Spread(rate_range, mean, concentration),
        details={"near": near, "came": came, "came_known": came_known},
    )


def sentence(said: Said) -> str:
    """The share, and what the surroundings let expect."""
    d = said.details
    sought = (
        f" and by who came to it ({number(d['came'])} of {number(d['came_known'])} children)"
        if d["came_known"]
        else ""
    )
    where = "the ages around it" if said.details["near"] else "its cohort"
    return (
        f"{number(said.k)} of {number(said.n)} people it contacted first were children clearly "
        f"younger than itself; judged by {where}{sought}, {compared(said)}."
    )


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few contacts, or too few children."""
    if said and said.n >= spec[KEY].minimum:
        return too_few(said.k, LEAST_MINORS, "child", "children", " contacted")
    return too_few(said.n if said else None, spec[KEY].minimum, "first contact", "first contacts")


def rows(tables: Tables) -> Table:
    """Every contact with its share; counted: children."""
    c = contacts(tables)
    return contact_rows(tables, c, c.x > 0, c.x.cast("float64") / UNIT)
