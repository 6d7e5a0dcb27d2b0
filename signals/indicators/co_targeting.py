"""I11: two accounts that approach the same children, as strangers, at about the same time.

For each pair the shared children weigh 1 / log(1 + z), z being how many accounts approached the
child as a stranger; their number is judged by the hypergeometric tail over the children of the
groups that both work in, with Bonferroni over all pairs that share a child. Children who know each
other come together, as a team does to its two coaches: they are no independent draws, and count as
a sample drawn in clusters does. Only contacts without a
friend in common of its own making to speak of count: without that gate classmates are pairs too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr.types import Table
from numpy.typing import NDArray
from scipy import stats

from signals.engine.cohorts import Cohorts
from signals.engine.prepare import DAY
from signals.indicators.base import (
    Floats,
    Frame,
    Judgement,
    Said,
    Tables,
    about,
    contact_rows,
    number,
    stretch_of,
    too_few,
    total,
    was,
)
from signals.scoring import tail_llr
from signals.spec import ThresholdSpec

KEY = "co_targeting"
UNIT = 1_000_000
BLOCKS = 8  # the pairs are made in so many parts, so that memory stays bounded


def strangers(tables: Tables) -> Table:
    """Contacts with children without organic friends in common: event, u, v, t, stretch, z, place,
    peers (how many of the other children whom u contacted know this one), among (how many these
    others are)."""
    spec = tables.spec
    if tables.priors.frozen:
        return _as_they_were(tables)
    c = tables.toward_children()
    c = c.filter(c.m_star == 0)
    crowd = c.group_by(child="v").aggregate(z=c.u.nunique())
    crowd = crowd.filter((crowd.z >= 2) & (crowd.z <= spec.crowded_child))
    c = c.join(crowd, c.v == crowd.child)
    busy = c.group_by(busy="u").aggregate(many=c.count())
    busy = busy.filter(busy.many >= spec[KEY].minimum).select("busy")
    c = c.join(busy, c.u == busy.busy)
    where = tables.communities().select(member="account", place="community")
    c = c.join(where, c.v == where.member)
    children = tables.toward_children()
    circle = tables.circle(children).rename(of="event", peers=f"peers_{len(spec.stretches) - 1}")
    c = c.join(circle, c.event == circle.of)
    others = children.group_by(of_u="u").aggregate(among=children.count() - 1)
    c = c.join(others, c.u == others.of_u)
    columns = "event", "u", "v", "t", "stretch", "z", "place", "peers", "among"
    return tables.keep("strangers", c.select(*columns))


def _as_they_were(tables: Tables) -> Table:
    """The contacts that a run over everything looked at, of accounts that it found in pairs."""
    kept = tables.recall("strangers")
    stretch = stretch_of(kept.t, tables.spec, tables.as_of)
    return kept.select("event", "u", "v", "t", stretch=stretch, z="z", place="place")


@dataclass(frozen=True)
class Pairs:
    """Pairs a < b that share enough children; (stretch, pair) arrays but for a and b.

    ``p``: the probability of sharing so many by chance, all pairs considered.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    shared: Floats
    weight: Floats
    expected: Floats
    targets: Floats
    p: Floats


def pairs(tables: Tables) -> Pairs:
    """All pairs that share the minimum of children in the whole history."""
    found: Pairs = tables.once("co_targeting", lambda: _pairs(tables))
    return found


def _pairs(tables: Tables) -> Pairs:
    if tables.priors.frozen:
        return _recalled(tables)
    found = _found(tables)
    stretches = range(len(tables.spec.stretches))
    tables.priors.keep(
        "pairs",
        lambda: [
            {
                "a": found.a,
                "b": found.b,
                **{
                    f"{name}_{p}": values[p]
                    for name, values in _columns(found).items()
                    for p in stretches
                },
            }
        ],
    )
    members = pa.array(np.unique(np.concatenate([found.a, found.b])), pa.int64())
    member = tables.load("accounts_in_pairs", pa.table({"member": members}))
    c = strangers(tables)
    tables.remember(
        "strangers", c.semi_join(member, c.u == member.member).drop("stretch", "peers", "among")
    )
    return found


def _columns(pairs: Pairs) -> dict[str, Floats]:
    """The (stretch, pair) arrays by name."""
    return {
        "shared": pairs.shared,
        "weight": pairs.weight,
        "expected": pairs.expected,
        "mine": pairs.targets[0],
        "theirs": pairs.targets[1],
        "p": pairs.p,
    }


def _recalled(tables: Tables) -> Pairs:
    """The pairs of a run over everything, both of whom are here."""
    kept = tables.priors.table("pairs")
    both = {name: kept[name].to_numpy() for name in kept.column_names}
    here = (both["a"] >= 0) & (both["b"] >= 0)

    def stack(name: str) -> Floats:
        places = range(len(tables.spec.stretches))
        return np.stack([both[f"{name}_{p}"][here].astype(np.float64) for p in places])

    a, b = both["a"][here].astype(np.int64), both["b"][here].astype(np.int64)
    return Pairs(
        a=a,
        b=b,
        shared=stack("shared"),
        weight=stack("weight"),
        expected=stack("expected"),
        targets=np.stack([stack("mine"), stack("theirs")]),
        p=stack("p"),
    )


def _found(tables: Tables) -> Pairs:
    spec = tables.spec
    places = range(len(spec.stretches))
    candidates = np.zeros(len(places))
    parts = []
    for block in range(BLOCKS):
        found = tables.keep(f"pairs_{block}", _together(tables, block))
        sums = tables.ask(
            found.aggregate(
                **{f"pairs_{p}": total((found[f"shared_{p}"] > 0).cast("int64")) for p in places}
            )
        )
        candidates += np.array([int(sums[f"pairs_{p}"][0]) for p in places])
        several = found.filter(found[f"shared_{places[-1]}"] >= spec[KEY].minimum)
        parts.append(tables.keep(f"linked_{block}", several))
        tables.drop(f"pairs_{block}")
    every = parts[0]
    for part in parts[1:]:
        every = every.union(part)
    rows = tables.ask(_with_reach(tables, every))
    order = np.lexsort((rows["b"], rows["a"]))
    count = len(order)

    def stack(name: str) -> Floats:
        columns = [rows[f"{name}_{p}"][order].astype(np.float64) for p in places]
        return np.stack(columns) if columns else np.zeros((0, count))

    shared, mine, theirs, reach = (stack(x) for x in ("shared", "mine", "theirs", "reach"))
    chance = stats.hypergeom.sf(shared - 1.0, np.maximum(reach, 1.0), mine, theirs)
    chance = chance ** (1.0 / (1.0 + clustered(shared, rows, order)))
    return Pairs(
        a=rows["a"][order].astype(np.int64),
        b=rows["b"][order].astype(np.int64),
        shared=shared,
        weight=stack("weight") / UNIT,
        expected=mine * theirs / np.maximum(reach, 1.0),
        targets=np.stack([mine, theirs]),
        p=np.minimum(np.where(shared > 0, chance, 1.0) * candidates[:, None], 1.0),
    )


def clustered(shared: Floats, rows: Any, order: NDArray[np.int64]) -> Floats:
    """By pair how many other shared children know one of them, on average of both circles.

    1 + this is the design effect of a sample drawn in clusters (Kish 1965, Survey Sampling, 5.4):
    by so much fewer independent draws there are.
    """
    others = np.maximum(shared - 1.0, 0.0) / np.maximum(shared, 1.0)
    sides = []
    for side in ("a", "b"):
        among = np.maximum(rows[f"among_{side}"][order].astype(np.float64), 1.0)
        known = [rows[f"peers_{side}_{p}"][order].astype(np.float64) for p in range(len(shared))]
        sides.append(others * np.stack(known) / among)
    return np.asarray(0.5 * (sides[0] + sides[1]))


def _together(tables: Tables, block: int) -> Table:
    """Pairs a < b (a in the block) that approached a child within the same days."""
    spec = tables.spec
    c = strangers(tables)
    one = c.filter(c.u % BLOCKS == block).select(
        a="u", v="v", t="t", s="stretch", z="z", peers="peers", n="among"
    )
    other = c.select(b="u", same="v", at="t", s2="stretch", peers2="peers", n2="among")
    both = one.join(
        other,
        [
            one.v == other.same,
            one.a < other.b,
            other["at"] >= one.t - spec.same_time_days * DAY,
            other["at"] <= one.t + spec.same_time_days * DAY,
        ],
    )
    both = both.mutate(
        later=ibis.greatest(both.s, both.s2),
        worth=(UNIT / (1.0 + both.z.cast("float64")).ln()).round().cast("int64"),
    )
    sums = {"among_a": both.n.max(), "among_b": both.n2.max()}
    for p in range(len(spec.stretches)):
        sums[f"shared_{p}"] = total((both.later <= p).cast("int64"))
        sums[f"weight_{p}"] = total(both.worth, both.later <= p)
        sums[f"peers_a_{p}"] = total(both.peers, both.later <= p)
        sums[f"peers_b_{p}"] = total(both.peers2, both.later <= p)
    return both.group_by("a", "b").aggregate(**sums)


def _with_reach(tables: Tables, pairs: Table) -> Table:
    """Beside each pair: children each approached in the groups both work in, and all of these."""
    c = strangers(tables)
    places = range(len(tables.spec.stretches))
    ones = {p: (c.stretch <= p).cast("int64") for p in places}
    by_account = tables.keep(
        "strangers_by_place",
        c.group_by("u", "place").aggregate(**{f"n_{p}": total(ones[p]) for p in places}),
    )
    in_place = c.group_by(where="place").aggregate(
        **{f"all_{p}": c.v.nunique(where=c.stretch <= p) for p in places}
    )
    mine = by_account.select(x="u", at="place", **{f"x_{p}": f"n_{p}" for p in places})
    theirs = by_account.select(y="u", there="place", **{f"y_{p}": f"n_{p}" for p in places})
    key = pairs.select("a", "b")
    both = key.join(mine, key.a == mine.x)
    both = both.join(theirs, [both.b == theirs.y, both["at"] == theirs.there])
    both = both.join(in_place, both["at"] == in_place.where)
    sums = {}
    for p in places:
        here = (both[f"x_{p}"] > 0) & (both[f"y_{p}"] > 0)
        sums[f"mine_{p}"] = total(both[f"x_{p}"], here)
        sums[f"theirs_{p}"] = total(both[f"y_{p}"], here)
        sums[f"reach_{p}"] = total(both[f"all_{p}"], here)
    reach = both.group_by(ra="a", rb="b").aggregate(**sums)
    return pairs.join(reach, [pairs.a == reach.ra, pairs.b == reach.rb])


def links(tables: Tables) -> Pairs:
    """The pairs that chance does not explain in some stretch."""
    found = pairs(tables)
    linked = (found.p < tables.spec.link_significance).any(axis=0)
    return Pairs(
        found.a[linked],
        found.b[linked],
        found.shared[:, linked],
        found.weight[:, linked],
        found.expected[:, linked],
        found.targets[:, :, linked],
        found.p[:, linked],
    )


def counts(tables: Tables) -> Table:
    """By account the best partner: k shared, n own targets, e expected, worth −ln p
    (millionths)."""
    return tables.make("co_targeting_counts", _best_partners)


def _best_partners(tables: Tables) -> pa.Table:
    found = pairs(tables)
    spec = tables.spec
    account = np.concatenate([found.a, found.b])
    accounts, number_of = np.unique(account, return_inverse=True)
    columns = {"account": accounts.astype(np.int32)}
    for p in range(len(spec.stretches)):
        k = np.tile(found.shared[p], 2)
        worth = np.rint(-np.log(np.maximum(np.tile(found.p[p], 2), 1e-300)) * UNIT)
        worth = np.where(k >= spec[KEY].minimum, worth, -1.0)
        # of equal partners the one with whom more is shared, and then of fewer targets
        order = np.lexsort((-found.targets[:, p].ravel(), k, worth, number_of))
        last = np.searchsorted(number_of[order], np.arange(len(accounts)), side="right") - 1
        best = order[last] if len(order) else order
        values = {
            "worth": worth,
            "k": k,
            "n": found.targets[:, p].ravel(),
            "e": np.rint(np.tile(found.expected[p], 2) * UNIT),
        }
        for name, value in values.items():
            columns[f"{name}_{p}"] = value[best].astype(np.int64)
    return pa.table(columns)


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """The ratio of the best partner's tail probability, all pairs considered; never below 0.

    Bonferroni's bound may reach 1: no link is no sign of innocence.
    """
    worth = frame["worth"]
    found = np.maximum(tail_llr(np.exp(-np.maximum(worth, 0.0) / UNIT)), 0.0)
    llr = np.where(worth >= 0, found, np.nan)
    return Judgement(
        account=frame.account,
        llr=llr,
        k=frame["k"],
        n=frame["n"],
        expected=frame["e"] / UNIT,
    )


def sentence(said: Said) -> str:
    """Shared children, and how many chance explains."""
    return (
        f"{number(said.k)} of {number(said.n)} children it approached as a stranger {was(said.k)} "
        f"approached as a stranger by one other account within the same fortnight; by chance "
        f"{about(said.expected)} would be."
    )


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Nobody shares enough children."""
    rest = " shared with any one other account"
    return too_few(said.k if said else None, spec[KEY].minimum, "child", "children", rest)


def partners(found: Pairs) -> pa.Table:
    """Each pair from both sides: me, partner."""
    return pa.table(
        {
            "me": pa.array(np.concatenate([found.a, found.b]), pa.int32()),
            "partner": pa.array(np.concatenate([found.b, found.a]), pa.int32()),
        }
    )


def _everybody_s_partners(tables: Tables) -> pa.Table:
    return partners(pairs(tables))


def rows(tables: Tables) -> Table:
    """Stranger contacts with children who were approached by others too; counted: by a partner."""
    c = strangers(tables)
    partner = tables.make("co_targeting_partners", _everybody_s_partners)
    other = c.select(who="u", child="v", at="t")
    mine = c.select("event", "u", "v", "t").join(partner, c.u == partner.me)
    days = tables.spec.same_time_days * DAY
    shared = mine.join(
        other,
        [
            mine.v == other.child,
            mine.partner == other.who,
            other["at"] >= mine.t - days,
            other["at"] <= mine.t + days,
        ],
    )
    shared = shared.select(shared="event").distinct()
    children = tables.toward_children()
    crowd = c.select(of="event", z="z")
    chosen = children.join(crowd, children.event == crowd.of)
    chosen = chosen.left_join(shared, chosen.event == shared.shared)
    return contact_rows(tables, chosen, chosen.shared.notnull(), chosen.z)
