"""I7: whether the children come from many groups that have nothing to do with each other.

Entropy of the communities of the children contacted (Chao and Shen 2003, which allows for groups
not yet seen), and how often the next child comes from another group than the last; both against
accounts of the cohort with as many children.
"""

from __future__ import annotations

import ibis
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
    too_few,
)
from signals.scoring import indiscriminate, shift_llr, tail_llr
from signals.spec import ThresholdSpec

KEY = "spread"
UNIT = 1_000_000


def _placed(tables: Tables) -> Table:
    """Contacts with children and the child's community, and the one before."""
    c = tables.toward_children()
    where = tables.communities().select(member="account", community="community")
    c = c.join(where, c.v == where.member)
    window = ibis.window(group_by="u", order_by=["t", "community"])
    return tables.keep(
        "children_in_order",
        c.mutate(
            before=c.community.lag().over(window), before_stretch=c.stretch.lag().over(window)
        ).drop("member"),
    )


def counts(tables: Tables) -> Table:
    """n children, groups, h: entropy in millionths, changes of group in time order."""
    c = _placed(tables)
    places = range(len(tables.spec.stretches))
    in_group = c.group_by("u", "community").aggregate(
        **{f"f_{p}": c.count(where=c.stretch <= p) for p in places}
    )
    in_group = tables.keep("children_in_groups", in_group)
    sums = {}
    for p in places:
        f = in_group[f"f_{p}"]
        sums[f"n_{p}"] = f
        sums[f"once_{p}"] = (f == 1).cast("int8")
        sums[f"groups_{p}"] = (f > 0).cast("int8")
    whole = tables.tally(in_group.select(account="u", **sums)).rename(of="account")
    both = in_group.join(whole, in_group.u == whole.of)
    entropy = {}
    for p in places:
        f = both[f"f_{p}"].cast("float64")
        n = both[f"n_{p}"].cast("float64")
        once = ibis.least(both[f"once_{p}"].cast("float64"), n - 1.0)
        share = (1.0 - once / n) * f / n
        # guarded: for rows outside the stretch and a single contact the share is 0
        inside = (both[f"f_{p}"] > 0) & (share > 0)
        safe = ibis.ifelse(inside, share, 0.5)
        term = -safe * safe.ln() / (1.0 - (1.0 - safe).pow(n))
        entropy[f"h_{p}"] = ibis.ifelse(inside, (term * UNIT).round(), 0.0).cast("int64")
    h = tables.tally(both.select(account="u", **entropy)).rename(by="account")
    later = c.mutate(stretch=ibis.greatest(c.stretch, c.before_stretch.fill_null(0)))
    moved = by_stretch(tables, later, "u", changes=later.before != later.community)
    moved = moved.rename(mover="account")
    result = whole.join(h, whole.of == h.by).join(moved, whole.of == moved.mover)
    known = tables.contacts
    known = known.filter(known.own & known.weight.notnull())
    people = by_stretch(tables, known, "u", known=known.t >= 0).rename(knows="account")
    result = result.join(people, result.of == people.knows)
    return result.select(
        account="of",
        **{
            f"{name}_{p}": result[f"{name}_{p}"]
            for name in ("n", "groups", "h", "changes", "known")
            for p in places
        },
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """z of entropy and of changes for the same number of children, half and half."""
    n = frame["n"]
    enough = n >= spec[KEY].minimum
    h = frame["h"] / UNIT
    moves = frame["changes"] / np.maximum(n - 1.0, 1.0)
    z = np.full(n.shape, np.nan)
    middle = np.full(n.shape, np.nan)
    # as many children: by powers of the square root of two
    size = np.floor(2.0 * np.log2(np.maximum(n, 1.0)))
    for value, weight in ((h, 1.0), (moves, 0.5)):
        part, centre = cohorts.same_size(frame.account, np.where(enough, value, np.nan), size)
        z = weight * part if weight == 1.0 else z + weight * part
        middle = centre if weight == 1.0 else middle
    z = z / 1.5
    # who writes to everybody everywhere reaches many groups of children too
    chance = indiscriminate(n, frame["known"], cohorts.child_share)
    llr = np.maximum(np.minimum(shift_llr(z), tail_llr(chance)), -1.0)
    return Judgement(
        account=frame.account,
        llr=np.where(enough, llr, np.nan),
        k=np.exp(h),
        n=n,
        expected=np.exp(np.nan_to_num(middle)),
        details={"groups": frame["groups"], "changes": frame["changes"]},
    )


def sentence(said: Said) -> str:
    """How many groups, in effect."""
    return (
        f"The {counted(said.n, 'child', 'children')} it contacted "
        f"{'comes' if said.n == 1 else 'come'} from "
        f"{counted(said.details['groups'], 'group', 'groups')}, in effect from {said.k:.1f}; "
        f"comparable accounts with as many children: {said.expected:.1f}. The next child came from "
        f"another group {counted(said.details['changes'], 'time', 'times')}."
    )


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few children."""
    found = said.n if said else None
    return too_few(found, spec[KEY].minimum, "child", "children", " contacted")


def rows(tables: Tables) -> Table:
    """Contacts with children in order; counted: from another group than the one before."""
    c = _placed(tables)
    changed = (c.before != c.community).fill_null(False)
    return contact_rows(tables, c, changed, c.community)
