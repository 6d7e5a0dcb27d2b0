"""I15: how many children the account contacted as a stranger, and how many under 16.

Rates alone miss the busy. Both counts are judged by the cohort's own distribution of such counts,
and speak only as far as they exceed what somebody gets who contacts people without regard to age,
as many of them children as there are on the platform, and among those who came to the account.
So far as an account's ties look like those of a child recorded as an adult, children are its
cohort.
"""

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
    contact_rows,
    counted,
    number,
    too_few,
)
from signals.indicators.people import people_came
from signals.scoring import INDISCRIMINATE, indiscriminate, tail_llr
from signals.spec import ThresholdSpec

KEY = "volume"


def counts(tables: Tables) -> Table:
    """k: children contacted without a friend in common; young: of them under 16; n: all children.

    known: people of known age contacted without a friend in common; came, came_adults: people of
    known age who came to it.
    """
    c = tables.contacts
    c = c.filter(c.own & c.weight.notnull() & (c.stretch < len(tables.spec.stretches)))
    child, stranger = c.weight > 0, c.m == 0
    found = by_stretch(
        tables,
        c,
        "u",
        k=child & stranger,
        young=stranger & (c.weight >= 2),
        n=child,
        known=stranger,
    )
    found = found.filter(found[f"n_{len(tables.spec.stretches) - 1}"] > 0)
    came = people_came(tables)
    both = found.left_join(came, found.account == came.came_to)
    return both.select(
        *found.columns,
        **{
            f"{name}_{p}": both[f"{name}_{p}"].fill_null(0)
            for name in ("came", "came_adults")
            for p in range(len(tables.spec.stretches))
        },
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """The mean of both log-odds of the cohort's tails, as far as it is more than indiscriminate."""
    k, young = frame["k"], frame["young"]
    child = cohorts.child_like[frame.account]
    many = cohorts.tails(frame.account, k, child)
    llr = 0.5 * (tail_llr(many) + tail_llr(cohorts.tails(frame.account, young, child)))
    came = frame["came"]
    seek = came + frame["came_adults"]
    share = (came + INDISCRIMINATE * cohorts.child_share) / (seek + INDISCRIMINATE)
    share = np.maximum(share, cohorts.child_share)
    chance = indiscriminate(k, frame["known"], share)
    return Judgement(
        account=frame.account,
        llr=np.where(k >= spec[KEY].minimum, np.minimum(llr, tail_llr(chance)), np.nan),
        k=k,
        n=frame["n"],
        expected=frame["known"] * share,
        details={
            "young": young,
            "tail": many,
            "known": frame["known"],
            "came": came,
            "seek": seek,
        },
    )


def sentence(said: Said) -> str:
    """Both counts, and how many comparable accounts have as many."""
    among = round(1.0 / max(said.details["tail"], 1e-9))
    others = (
        "most comparable accounts have"
        if among < 2
        else (f"one in {among:,} comparable accounts has")
    )
    d = said.details
    known = counted(d["known"], "person", "people")
    sought = (
        f" (of {counted(d['seek'], 'person', 'people')} who came to it {number(d['came'])} "
        f"{'was a child' if number(d['came']) == '1' else 'were children'})"
        if d["seek"]
        else ""
    )
    return (
        f"It contacted {counted(said.k, 'child', 'children')} without a friend in common, "
        f"{number(said.details['young'])} of them under 16; {others} as many. Of the {known} it "
        f"contacted so, {number(said.expected)} would be children if it did not choose{sought}."
    )


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few children."""
    rest = " contacted without a friend in common"
    return too_few(said.k if said else None, spec[KEY].minimum, "child", "children", rest)


def rows(tables: Tables) -> Table:
    """Contacts with children; counted: without a friend in common."""
    c = tables.toward_children()
    return contact_rows(tables, c, c.m == 0)
