"""I5: children who blocked or reported the account, weighed by how reliable they have been.

A reporter's credibility comes from what people decided about others whom it reported. Reporters who
are friends and act within a day count once; a report by a child who never had contact weighs little
and is no independent reporter.
"""

from __future__ import annotations

import ibis
import numpy as np
from ibis.expr.types import Table

from signals.engine.cohorts import Cohorts
from signals.engine.prepare import DAY
from signals.indicators.base import (
    Frame,
    Judgement,
    Said,
    Tables,
    by_stretch,
    half_ties,
    number,
    safety_rows,
    stretch_of,
    total,
)
from signals.spec import ThresholdSpec

KEY = "blocked_reported"
UNIT = 1_000_000


def _reports(tables: Tables) -> Table:
    """Blocks and reports by children: event, u (about), v (by), t, kind, stretch; not older."""
    s = tables.safety.filter(tables.safety.kind.isin(["block", "report"]))
    ages = tables.accounts.select(by="account", until_18="until_18")
    s = s.join(ages, s.actor == ages.by)
    s = s.filter((s.t < s.until_18).fill_null(False))
    s = s.select(
        event="id",
        u="object",
        v="actor",
        t="t",
        kind="kind",
        stretch=stretch_of(s.t, tables.spec, tables.as_of),
    )
    return s.filter(s.stretch < len(tables.spec.stretches))


def _met(tables: Tables, reports: Table) -> Table:
    """Reports by children who had contact with the account before: event."""
    first = tables.facts.select(x="u", y="v", since="t")
    either = first.union(first.select(x="y", y="x", since="since"))
    contact = reports.join(
        either, [reports.u == either.x, reports.v == either.y, either.since <= reports.t]
    ).select("event")
    half = half_ties(tables.ties)
    tied = reports.join(
        half, [reports.u == half.x, reports.v == half.w, half.start < reports.t]
    ).select("event")
    return contact.union(tied).distinct().select(met="event")


def _echoes(tables: Tables, reports: Table) -> Table:
    """Reports after, or with, one by a friend about the same account within a day.

    event, earlier (a friend was first), together (friends at the same instant).
    """
    several = reports.group_by("u").aggregate(by=reports.v.nunique())
    several = several.filter(several.by >= 2).select(crowd="u")
    r = reports.join(several, reports.u == several.crowd).select("event", "u", "v", "t")
    half = half_ties(tables.ties)
    friends = r.join(half, [r.v == half.x, half.start < r.t, half.end > r.t])
    other = r.select(about="u", friend="v", at="t").distinct()
    pairs = friends.join(
        other,
        [
            friends.u == other.about,
            friends.w == other.friend,
            other["at"] <= friends.t,
            other["at"] >= friends.t - DAY,
        ],
    )
    return pairs.group_by(echo="event").aggregate(
        earlier=total((pairs["at"] < pairs.t).cast("int64")),
        together=pairs.w.nunique(where=pairs["at"] == pairs.t),
    )


def _credibility(tables: Tables, reports: Table) -> tuple[Table, Table, float | None]:
    """By reporter: decided reports and confirmed ones; the same by pair; and the overall rate."""
    labels = tables.load("labels", tables.prepared.labels)
    latest = labels.group_by("account").aggregate(
        decided=labels.decided.max(), confirmed=labels.confirmed.any()
    )
    first = reports.group_by("u", "v").aggregate(t=reports.t.min())
    pairs = first.join(latest, [first.u == latest.account, first.t < latest.decided])
    pairs = tables.keep(
        "report_outcomes",
        pairs.select(about="u", reporter="v", confirmed=pairs.confirmed.cast("int64")),
    )
    by = pairs.group_by(judged="reporter").aggregate(
        decided=pairs.count(), right=total(pairs.confirmed)
    )
    found = tables.ask(pairs.aggregate(decided=pairs.count(), right=total(pairs.confirmed)))
    decided, right = int(found["decided"][0]), int(found["right"][0])
    return by, pairs, (right + 1.0) / (decided + 2.0) if decided else None


def weighed(tables: Tables) -> Table:
    """One row a reporter, account and stretch-holding event: weight in millionths, independent."""
    spec = tables.spec
    r = tables.keep("reports", _reports(tables))
    met = tables.keep("reports_met", _met(tables, r))
    echo = tables.keep("reports_echo", _echoes(tables, r))
    by, pairs, overall = _credibility(tables, r)
    own = pairs.select(case_="about", by_="reporter", own_right="confirmed")
    r = r.left_join(met, r.event == met.met).left_join(echo, r.event == echo.echo)
    r = r.left_join(by, r.v == by.judged)
    r = r.left_join(own, [r.u == own.case_, r.v == own.by_])
    # what was decided about this account says nothing about itself
    decided = r.decided.fill_null(0) - r.own_right.notnull().cast("int64")
    right = r.right.fill_null(0) - r.own_right.fill_null(0)
    if overall is None:
        q = ibis.literal(0.5)
    else:
        a = spec.reporter_weight
        q = (right.cast("float64") + a * overall) / (decided.cast("float64") + a)
    credit = ibis.least(-(1.0 - ibis.least(q, 0.999)).ln(), spec.reporter_cap)
    kind = ibis.ifelse(r.kind == "report", 1.0, spec.block_weight)
    known = r.met.notnull()
    near = ibis.ifelse(known, 1.0, spec.stranger_weight)
    alone = ibis.ifelse(r.earlier.fill_null(0) > 0, 0.0, 1.0) / (
        1.0 + r.together.fill_null(0).cast("float64")
    )
    r = r.mutate(
        weight=(credit * kind * near * alone * UNIT).round().cast("int64"),
        independent=known & (r.earlier.fill_null(0) == 0),
    )
    return tables.keep(
        "reports_weighed",
        r.select("event", "u", "v", "t", "kind", "stretch", "weight", "independent"),
    )


def counts(tables: Tables) -> Table:
    """k: independent reporters; weight: their credit; n: children in contact, either way."""
    r = weighed(tables)
    columns = {}
    for place in range(len(tables.spec.stretches)):
        inside = r.stretch <= place
        columns[f"weight_{place}"] = r.weight.max(where=inside).fill_null(0)
        columns[f"independent_{place}"] = r.independent.any(where=inside).fill_null(False)
    one = r.group_by("u", "v").aggregate(**columns)
    places = range(len(tables.spec.stretches))
    sums = {f"weight_{p}": total(one[f"weight_{p}"]) for p in places}
    sums |= {f"k_{p}": total(one[f"independent_{p}"].cast("int64")) for p in places}
    reported = one.group_by(account="u").aggregate(**sums)
    met = tables.keep("children_met", _children_met(tables))
    both = met.outer_join(reported, met.met_by == reported.account)
    return both.select(
        account=both.account.fill_null(both.met_by),
        **{name: both[name].fill_null(0) for name in sums},
        **{f"n_{p}": both[f"n_{p}"].fill_null(0) for p in places},
    )


def _children_met(tables: Tables) -> Table:
    """Children in first contact with each account, whoever began: met_by, n_0 …"""
    f = tables.facts
    f = f.mutate(stretch=stretch_of(f.t, tables.spec, tables.as_of))
    ages = tables.accounts.select(child="account", until_18="until_18")
    to = f.select("t", "stretch", me="u", other="v")
    both = to.union(f.select("t", "stretch", me="v", other="u"))
    both = both.join(ages, both.other == ages.child)
    both = both.filter(
        (both.t < both.until_18).fill_null(False) & (both.stretch < len(tables.spec.stretches))
    )
    return by_stretch(both, tables.spec, "me", n=both.t >= 0).rename(met_by="account")


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Noisy-or of the reporters less what as many contacts bring to accounts of the same age."""
    weight, k, n = frame["weight"] / UNIT, frame["k"], frame["n"]
    expected_weight = cohorts.per_unit(frame.account, weight, n) * n
    expected = cohorts.per_unit(frame.account, k, n) * n
    llr = weight - expected_weight
    return Judgement(
        account=frame.account,
        llr=np.where(k >= spec[KEY].minimum, llr, np.nan),
        k=k,
        n=n,
        expected=expected,
        range=lambda s, i: None,
        details={"weight": weight},
    )


def sentence(said: Said) -> str:
    """How many, among how many, and what is usual."""
    return (
        f"{number(said.k)} children independently blocked or reported it, of {number(said.n)} it had "
        f"contact with; comparable accounts: {number(said.expected)}. How reliable these children's "
        "earlier reports were is weighed in."
    )


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few independent reporters."""
    there = number(said.k) if said else "no"
    return f"blocked or reported by {there} children independently; {spec[KEY].minimum} are needed"


def rows(tables: Tables) -> Table:
    """Every block and report by a child; value: its credit."""
    r = weighed(tables)
    return safety_rows(r, r.kind, r.independent, r.weight.cast("float64") / UNIT)
