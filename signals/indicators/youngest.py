"""I6: whether the account leans to the youngest of the children within reach.

Children weigh 3 under 13, 2 under 16, 1 under 18. The mean weight is compared with that of the
children whom *others* contact in the same communities, and counts as far as the account is ten
years older or more than those it contacts.
"""

from __future__ import annotations

import math

import ibis
import numpy as np
from ibis.expr.types import Table

from signals.engine.cohorts import Cohorts
from signals.indicators.base import (
    Frame,
    Judgement,
    Said,
    Spread,
    Tables,
    contact_rows,
    counted,
    too_few,
    total,
)
from signals.scoring import shift_llr
from signals.spec import ThresholdSpec

KEY = "youngest"
GAP = 10.0  # years
OF_AN_AGE = (
    5.0  # children come in groups of one age: how many new ones say as much as all of a group
)
STEADY = 20.0  # contacts of everybody that steady what is within reach


def counts(tables: Tables) -> Table:
    """n, w: contacts with children and their weight; reach…: those of others in the same places."""
    c = tables.toward_children()
    where = tables.communities().select(member="account", community="community")
    c = c.join(where, c.v == where.member)
    places = range(len(tables.spec.stretches))
    columns = {}
    for p in places:
        inside = c.stretch <= p
        weight = c.weight.cast("int32")
        columns[f"n_{p}"] = c.count(where=(c.weight > 0) & inside)
        columns[f"w_{p}"] = total(weight, inside)
        columns[f"w2_{p}"] = total(weight * weight, inside)
        columns[f"old_{p}"] = c.count(where=(c.gap >= GAP) & inside)
        columns[f"known_{p}"] = c.count(where=c.gap.notnull() & inside)
    mine = tables.keep("children_by_community", c.group_by("u", "community").aggregate(**columns))
    names = [f"{m}_{p}" for m in ("n", "w", "w2") for p in places]
    both = _with_others(tables, mine, names)
    reach = {
        f"reach_{m}_{p}": ibis.ifelse(both[f"n_{p}"] > 0, both[f"others_{m}_{p}"], 0)
        for p in places
        for m in ("n", "w", "w2")
    }
    return tables.tally(both.select(*columns, account="u", **reach))


def _with_others(tables: Tables, mine: Table, names: list[str]) -> Table:
    """Beside what each account did in a community what others did: ``others_NAME``."""
    if tables.priors.frozen:
        # what others did then is what everybody did less what this account did then
        place, then = tables.recall("places"), tables.recall("reach")
        then = then.select(who="u", there="community", **{f"then_{name}": name for name in names})
        both = mine.left_join(place, mine.community == place.place)
        both = both.left_join(then, [both.u == then.who, both.community == then.there])
        return both.mutate(
            **{
                f"others_{name}": both[f"all_{name}"].fill_null(0)
                - both[f"then_{name}"].fill_null(0)
                for name in names
            }
        )
    everybody = mine.group_by(place="community").aggregate(
        **{f"all_{name}": total(mine[name]) for name in names}
    )
    tables.remember("places", everybody)
    tables.remember("reach", mine.select("u", "community", *names))
    both = mine.join(everybody, mine.community == everybody.place)
    return both.mutate(**{f"others_{name}": both[f"all_{name}"] - both[name] for name in names})


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """z of the mean weight, standardised by the cohort, times the share ten years younger."""
    n, w = frame["n"], frame["w"]
    enough = n >= spec[KEY].minimum
    sums = cohorts.priors.fixed(
        "everybody_s_weights",
        lambda: np.stack([frame[name].sum(axis=1, keepdims=True) for name in ("n", "w", "w2")]),
    )
    everybody = np.maximum(sums[0], 1.0)
    base, base2 = sums[1] / everybody, sums[2] / everybody
    reach = frame["reach_n"] + STEADY
    mean = (frame["reach_w"] + STEADY * base) / reach
    square = (frame["reach_w2"] + STEADY * base2) / reach
    deviation = np.sqrt(np.maximum(square - mean**2, 0.04))
    some = np.maximum(n, 1.0)
    # a class or a team is of one age: its children are no independent draws
    deviation = deviation * np.sqrt(1.0 + (some - 1.0) / (OF_AN_AGE + 1.0))
    raw = np.where(enough, (w / some - mean) * np.sqrt(some) / deviation, np.nan)
    # accounts scatter more than chance: a unit is at least the cohort's own spread
    scaled = cohorts.standardise(frame.account, raw)
    z = np.where(raw > 0, np.minimum(raw, scaled), raw)
    older = np.where(frame["known"] > 0, frame["old"] / np.maximum(frame["known"], 1.0), 0.5)
    llr = shift_llr(z)
    return Judgement(
        account=frame.account,
        llr=np.where(llr > 0, llr * older, np.maximum(llr, -1.0)),
        k=w / some,
        n=n,
        expected=mean,
        spread=Spread(_between, mean, deviation),
        details={"older": older},
    )


def _between(n: float, mean: float, deviation: float) -> tuple[float, float]:
    """Where nine in ten mean weights of n children lie by chance."""
    half = 1.645 * deviation / math.sqrt(max(n, 1.0))
    return max(1.0, mean - half), min(3.0, mean + half)


def sentence(said: Said) -> str:
    """The mean weight, in words."""
    them = counted(said.n, "child", "children")
    are = "is" if said.n == 1 else "are"
    return (
        f"How young the {them} {are} that it contacted: {said.k:.2f} on average, if "
        "under 13 counts 3, under 16 counts 2 and under 18 counts 1. Children whom others contact "
        f"in the same communities: {said.expected:.2f} (nine in ten: {said.low:.2f} to "
        f"{said.high:.2f}). {100 * said.details['older']:.0f} % of them are ten years younger than "
        "this account or more."
    )


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few children."""
    found = said.n if said else None
    return too_few(found, spec[KEY].minimum, "child", "children", " contacted")


def rows(tables: Tables) -> Table:
    """Contacts with children, all of whom the mean counts; value: the weight."""
    c = tables.toward_children()
    return contact_rows(tables, c, ibis.literal(True), c.weight)
