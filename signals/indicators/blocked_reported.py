"""I5: children who blocked or reported the account, weighed by how reliable they have been.

A reporter's credibility comes from what people decided about others whom it reported. Children who
are friends and report within a day count once; a report by a child who never had contact weighs
little and is no independent reporter.
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
    about,
    counted,
    half_ties,
    needed,
    number,
    safety_rows,
    stretch_of,
    total,
)
from signals.indicators.people import had_met, people_met
from signals.scoring import excess_llr
from signals.spec import ThresholdSpec

KEY = "blocked_reported"
UNIT = 1_000_000
RATIO, ABOUT = 4.0, 1.0  # offenders are reported some four times as often, Gamma shape


def _reports(tables: Tables) -> Table:
    """Blocks and reports by people of known age: event, u (about), v (by), t, kind, stretch,
    child."""
    s = tables.safety.filter(tables.safety.kind.isin(["block", "report"]))
    ages = tables.accounts.select(by="account", until_18="until_18")
    s = s.join(ages, s.actor == ages.by)
    s = s.filter(s.until_18.notnull())
    s = s.select(
        event="id",
        u="object",
        v="actor",
        t="t",
        kind="kind",
        child=s.t < s.until_18,
        stretch=stretch_of(s.t, tables.spec, tables.as_of),
    )
    return s.filter(s.stretch < len(tables.spec.stretches))


def _echoes(tables: Tables, reports: Table) -> Table:
    """Reports after, or with, one by a friend about the same account within a day.

    event, earlier (a friend was first), together (friends at the same instant). Children are echoes
    of children, and adults of adults: a child whose mother reports first is a reporter too.
    """
    several = reports.group_by("u").aggregate(by=reports.v.nunique())
    several = several.filter(several.by >= 2).select(crowd="u")
    r = reports.join(several, reports.u == several.crowd).select("event", "u", "v", "t", "child")
    half = half_ties(tables.ties)
    friends = r.join(half, [r.v == half.x, half.start < r.t, half.end > r.t])
    other = r.select(about="u", friend="v", at="t", young="child").distinct()
    pairs = friends.join(
        other,
        [
            friends.u == other.about,
            friends.w == other.friend,
            friends.child == other.young,
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
    if tables.priors.frozen:
        known = tables.recall("report_outcomes")
        return _by_reporter(known), known, tables.priors.fixed("confirmed_share", float) or None
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
    tables.remember("report_outcomes", pairs)
    found = tables.ask(pairs.aggregate(decided=pairs.count(), right=total(pairs.confirmed)))
    decided, right = int(found["decided"][0]), int(found["right"][0])
    overall = (right + 1.0) / (decided + 2.0) if decided else 0.0
    overall = tables.priors.fixed("confirmed_share", lambda: overall)
    return _by_reporter(pairs), pairs, overall or None


def _by_reporter(pairs: Table) -> Table:
    return pairs.group_by(judged="reporter").aggregate(
        decided=pairs.count(), right=total(pairs.confirmed)
    )


def weighed(tables: Tables) -> Table:
    """One row a reporter, account and stretch-holding event: weight in millionths, independent.

    sole: in millionths, 1 / (1 + friends who report at the same instant) of an independent one. At
    least the sum of these, rounded up, are no friends of each other (Caro and Wei), whoever of them
    is taken first.
    """
    spec = tables.spec
    r = tables.keep("reports", _reports(tables))
    met = had_met(tables)
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
    independent = known & (r.earlier.fill_null(0) == 0)
    sole = (UNIT / (1.0 + r.together.fill_null(0).cast("float64"))).floor().cast("int64")
    r = r.mutate(
        weight=(credit * kind * near * alone * UNIT).round().cast("int64"),
        independent=independent,
        sole=ibis.ifelse(independent, sole, 0),
    )
    columns = "event", "u", "v", "t", "kind", "child", "stretch", "weight", "independent", "sole"
    return tables.keep("reports_weighed", r.select(*columns))


def counts(tables: Tables) -> Table:
    """k, adults: independent reporters; weight: their credit; n: children in contact, either way.

    All but n in millionths.
    """
    r = weighed(tables)
    places = range(len(tables.spec.stretches))
    columns = {}
    for p in places:
        inside = (r.stretch <= p) & r.child
        columns[f"weight_{p}"] = r.weight.max(where=inside).fill_null(0)
        columns[f"k_{p}"] = r.sole.max(where=inside).fill_null(0)
        inside = (r.stretch <= p) & ~r.child
        columns[f"adults_{p}"] = r.sole.max(where=inside).fill_null(0)
    one = r.group_by("u", "v").aggregate(**columns)
    reported = one.group_by(account="u").aggregate(
        **{name: total(one[name].cast("int64")) for name in columns}
    )
    met = people_met(tables)
    both = met.outer_join(reported, met.met_by == reported.account)
    return both.select(
        account=both.account.fill_null(both.met_by),
        **{name: both[name].fill_null(0) for name in columns},
        **{f"n_{p}": both[f"met_{p}"].fill_null(0) for p in places},
        **{f"met_adults_{p}": both[f"met_adults_{p}"].fill_null(0) for p in places},
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Noisy-or of the reporters less what as many contacts bring to accounts of the same age.

    Never more than the Gamma-Poisson LLR of their number.
    """
    weight, n = frame["weight"] / UNIT, frame["n"]
    k, adults = np.ceil(frame["k"] / UNIT), np.ceil(frame["adults"] / UNIT)
    # who is reported by everybody is a nuisance, not a groomer: its own adults set the measure
    met = frame["met_adults"]
    usual = cohorts.per_unit(frame.account, adults, met) * met
    own = np.maximum((adults + 1.0) / (usual + 1.0), 1.0)
    expected_weight = cohorts.per_unit(frame.account, weight, n) * n * own
    expected = cohorts.per_unit(frame.account, k, n) * n * own
    # reporters add up; but where many were to be expected, a few more are nothing
    scatter = cohorts.scatter(frame.account, k, expected, n)
    excess = excess_llr(k, expected, scatter, RATIO, ABOUT)
    llr = np.minimum(weight - expected_weight, excess)
    return Judgement(
        account=frame.account,
        llr=np.where(k >= spec[KEY].minimum, llr, np.nan),
        k=k,
        n=n,
        expected=expected,
        details={"weight": weight, "adults": adults, "own": own},
    )


def sentence(said: Said) -> str:
    """How many, among how many, and what is usual."""
    others = said.details["adults"]
    adults = counted(others, "adult", "adults") if others else "no adult"
    return (
        f"{counted(said.k, 'child', 'children')} independently blocked or reported it, of "
        f"{number(said.n)} it had contact with; to be expected, given that {adults} did: "
        f"{about(said.expected)}. How reliable these children's earlier reports were is weighed in."
    )


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few independent reporters."""
    there = counted(said.k, "child", "children") if said else "no children"
    return f"blocked or reported by {there} independently; {needed(spec[KEY].minimum)}"


def rows(tables: Tables) -> Table:
    """Every block and report by a child; value: its credit."""
    r = weighed(tables)
    r = r.filter(r.child)
    return safety_rows(r, r.kind, r.independent, r.weight.cast("float64") / UNIT)
