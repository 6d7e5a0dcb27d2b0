"""I13: contact again after a child has refused: after a rejection, an unfriending or a block, or a
third request after the others were ignored or withdrawn; by the account or by one linked with it
(I11).

Not where the child came back of itself in between, or lifted its block.
"""

from __future__ import annotations

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr.types import Table

from signals.engine.canonical import CREATE
from signals.engine.cohorts import Cohorts
from signals.engine.prepare import DAY
from signals.indicators import co_targeting
from signals.indicators.base import (
    Frame,
    Judgement,
    Said,
    Tables,
    counted,
    number,
    safety_rows,
    stretch_of,
    too_few,
    total,
    was,
)
from signals.indicators.people import had_met
from signals.spec import ThresholdSpec

KEY = "persists"
AFTER_BLOCK = 1  # children contacted again after a block that are enough
# how often offenders come back to who refused them: seldom, sometimes, every other time
RATES = (0.1, 0.25, 0.5)
LEAST = 0.02  # accounts of the cohort do so at least this often


def _refusals(tables: Tables) -> Table:
    """u was refused by v at r, after the two had met: u, v, r, blocked."""
    s = tables.safety
    asked = s.filter(s.kind.isin(["reject", "unfriend"]))
    # whoever blocks a stranger beforehand has nobody come back
    blocks = s.filter(s.kind == "block").select("t", event="id", u="object", v="actor")
    met = had_met(tables)
    blocks = blocks.semi_join(met, blocks.event == met.met)
    asked = asked.select(u="object", v="actor", r="t", blocked=ibis.literal(False))
    blocks = blocks.select("u", "v", r="t", blocked=ibis.literal(True))
    return tables.keep("refusals", _by_grown(tables, asked.union(blocks), "r"))


def _by_grown(tables: Tables, rows: Table, at: str) -> Table:
    """Rows (u, …) without those of the time when u was a child by verified age."""
    ages = tables.accounts.filter(tables.accounts.verified & tables.accounts.until_18.notnull())
    ages = ages.select(young="account", young_until="until_18")
    both = rows.left_join(ages, rows.u == ages.young)
    both = both.filter(both.young_until.isnull() | (both[at] >= both.young_until))
    return both.drop("young", "young_until")


def _children(tables: Tables) -> Table:
    ages = tables.accounts.filter(tables.accounts.until_18.notnull())
    return ages.select(child="account", until_18="until_18")


def _linked(tables: Tables) -> pa.Table:
    return co_targeting.partners(co_targeting.links(tables))


def _ever_children(tables: Tables) -> Table:
    """Who was a child at some time of the history: what is done to others does not count."""
    began = tables.as_of - tables.spec.stretches[-1] * DAY
    ages = _children(tables)
    return ages.filter(ages.until_18 > began).select("child")


def _returns(tables: Tables) -> Table:
    """Approaches after a refusal: event, u (whose refusal), v, t, blocked."""
    partner = tables.make("linked_accounts", _linked)
    r = _refusals(tables)
    children = _ever_children(tables)
    r = r.semi_join(children, r.v == children.child)
    own = r.mutate(who=r.u)
    by_partner = r.join(partner, r.u == partner.me)
    both = own.union(by_partner.select("u", "v", "r", "blocked", who="partner"))
    a = tables.approaches.select("id", "t", x="u", y="v")
    again = both.join(a, [both.who == a.x, both.v == a.y, a.t > both.r])
    again = again.group_by("id", "u", "v", "t", "who").aggregate(
        last=again.r.max(), blocked=again.blocked.any()
    )
    again = tables.keep("returns", again)
    invited = tables.approaches.select(by="u", to="v", when="t")
    lifted = tables.safety.filter(tables.safety.kind == "unblock")
    invited = invited.union(lifted.select(by="actor", to="object", when="t"))
    asked_back = again.join(
        invited,
        [
            again.v == invited.by,
            again.u == invited.to,
            invited.when > again.last,
            invited.when <= again.t,
        ],
    )
    again = again.anti_join(asked_back.select("id", "u").distinct(), ["id", "u"])
    # who came back for a partner has come back too
    mine = again.select("id", "u", "v", "t", "blocked")
    theirs = again.filter(again.who != again.u).select("id", "v", "t", "blocked", u="who")
    return mine.union(theirs.select(*mine.columns))


def _third(tables: Tables) -> Table:
    """Requests that follow two that were ignored or withdrawn: id, u, v, t, blocked (no)."""
    children = _ever_children(tables)
    a = tables.approaches.filter(tables.approaches.kind != CREATE)
    a = a.semi_join(children, a.v == children.child)
    # most approaches are the first of their pair: look only where there are others
    first = tables.facts.filter(tables.facts.kind != CREATE)
    first = first.semi_join(children, first.v == children.child)
    others = a.anti_join(first.select(id="event"), "id")
    often = others.group_by("u", "v").aggregate(times=others.t.nunique())
    often = often.filter(often.times >= 2)
    a = a.semi_join(often, ["u", "v"])
    r = tables.requests.select("request", "accepted", "rejected")
    a = a.left_join(r, a.id == r.request)
    pair = ibis.window(group_by=["u", "v"])
    a = a.mutate(
        earlier=ibis.dense_rank().over(ibis.window(group_by=["u", "v"], order_by="t")),
        answered=ibis.least(a.accepted, a.rejected).min().over(pair),
    )
    a = a.filter((a.earlier >= 2) & (a.answered.isnull() | (a.answered > a.t)))
    return a.select("id", "u", "v", "t", blocked=ibis.literal(False))


def returns(tables: Tables) -> Table:
    """All of these towards children: event, u, v, t, blocked, stretch."""
    both = _returns(tables).union(_third(tables))
    ages = _children(tables)
    both = both.join(ages, both.v == ages.child)
    both = _by_grown(tables, both.filter(both.t < both.until_18), "t")
    both = both.select(
        "u",
        "v",
        "t",
        "blocked",
        event="id",
        stretch=stretch_of(both.t, tables.spec, tables.as_of),
    )
    return tables.keep(
        "returns_to_children", both.filter(both.stretch < len(tables.spec.stretches))
    )


def counts(tables: Tables) -> Table:
    """k: children contacted again, of them after a block; n: children who refused or were."""
    places = range(len(tables.spec.stretches))
    r = returns(tables)
    one = r.group_by("u", "v").aggregate(
        **{f"k_{p}": (r.stretch <= p).any() for p in places},
        **{f"block_{p}": ((r.stretch <= p) & r.blocked).any() for p in places},
    )
    k = one.group_by(account="u").aggregate(
        **{
            f"{name}_{p}": total(one[f"{name}_{p}"].cast("int64"))
            for name in ("k", "block")
            for p in places
        }
    )
    refused = _refusals(tables)
    refused = refused.mutate(stretch=stretch_of(refused.r, tables.spec, tables.as_of))
    ages = _children(tables)
    refused = refused.join(ages, refused.v == ages.child)
    refused = refused.filter(refused.r < refused.until_18)
    by = refused.group_by("u", "v").aggregate(
        **{f"n_{p}": (refused.stretch <= p).any() for p in places}
    )
    n = by.group_by(refused="u").aggregate(
        **{f"n_{p}": total(by[f"n_{p}"].cast("int64")) for p in places}
    )
    both = n.outer_join(k, n.refused == k.account)
    return both.select(
        account=both.account.fill_null(both.refused),
        **{f"{m}_{p}": both[f"{m}_{p}"].fill_null(0) for m in ("k", "block", "n") for p in places},
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Poisson LLR of the returns against the cohort's, over several rates of offenders."""
    k, block = frame["k"], frame["block"]
    n = np.maximum(frame["n"], k)
    usual = np.maximum(cohorts.per_unit(frame.account, k, n), LEAST)
    parts = []
    for rate in RATES:
        offenders = np.maximum(rate, 2.0 * usual)
        parts.append(k * np.log(offenders / usual) - (offenders - usual) * n)
    llr = np.logaddexp.reduce(np.stack(parts), axis=0) - np.log(len(RATES))
    enough = (block >= AFTER_BLOCK) | (k >= spec[KEY].minimum)
    return Judgement(
        account=frame.account,
        llr=np.where(enough, llr, np.nan),
        k=k,
        n=n,
        expected=usual * n,
        details={"block": block},
    )


def sentence(said: Said) -> str:
    """How many, and how many after a block."""
    text = (
        f"{number(said.k)} of {counted(said.n, 'child', 'children')} who had refused, ignored, "
        f"unfriended or blocked it {was(said.k)} contacted again; comparable accounts: "
        f"{said.expected:.1f}."
    )
    if said.details["block"]:
        text += f" {number(said.details['block'])} of them had blocked it."
    return text


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Nobody, or too few, contacted again."""
    rest = " contacted again after a refusal"
    found = said.k if said else None
    text = too_few(found, spec[KEY].minimum, "child", "children", rest)
    return f"{text}, or {AFTER_BLOCK} after a block"


def rows(tables: Tables) -> Table:
    """Every approach after a refusal; value 1: after a block."""
    r = returns(tables)
    kind = ibis.ifelse(r.blocked, "again after a block", "again after a refusal")
    return safety_rows(r, kind, ibis.literal(True), r.blocked.cast("int64"))
