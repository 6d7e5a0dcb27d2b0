"""I12: whether the recorded age fits the ages around the account.

Naive Bayes over the ties that the account did not begin, with the homophily matrix of accounts
whose age is verified. (a) Recorded as a child, with ties like an adult's, and contacting children
as a stranger: points. (b) Recorded as an adult, with ties like a child's: an age check is
recommended, no points either way, since a groomer's ties look like a child's too. Friends just
come of age stand apart from other adults: at seventeen, half a class is eighteen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr.types import Table
from numpy.typing import NDArray
from scipy.special import expit, logit

from signals.engine.cohorts import Cohorts
from signals.engine.kernels import NEVER
from signals.engine.prepare import BANDS, YEAR
from signals.indicators.base import (
    Floats,
    Frame,
    Judgement,
    Said,
    Tables,
    by_stretch,
    half_ties,
    number,
    too_few,
    total,
)
from signals.spec import ThresholdSpec

KEY = "age_mismatch"
UNIT = 1_000_000
PER_TIE = 1.0  # most that one tie can say
VERIFIED = 200  # accounts of verified age that make a matrix
STRANGERS = 3  # children contacted without a friend in common
CHECK = 2.0  # from this log-likelihood ratio an adult's age should be checked
MISRECORDED = 0.05  # of those recorded as adults, before their ties are looked at
KNOWN = len(BANDS) - 1
ADULT = BANDS.index("18_plus")
YOUNG_UNTIL = 22.0  # years
FRIENDS = KNOWN + 1  # bands of friends: those of BANDS, adults being under 22, and from 22 on
GROWN = KNOWN


def _friend_bands(tables: Tables) -> NDArray[np.int8]:
    """By account: its band as a friend's, ``FRIENDS`` for an unknown age."""
    prepared = tables.prepared
    born = prepared.accounts["born"].cast(pa.int64()).fill_null(tables.as_of).to_numpy()
    fixed = prepared.accounts["fixed_age"].cast(pa.float64()).fill_null(np.nan).to_numpy()
    age = np.where(np.isnan(fixed), (tables.as_of - born) / YEAR, fixed)
    grown = (prepared.band == ADULT) & (age >= YOUNG_UNTIL)
    of = np.where(prepared.band == KNOWN, FRIENDS, np.where(grown, GROWN, prepared.band))
    return of.astype(np.int8)


def _band_classes(tables: Tables) -> pa.Table:
    bands = _friend_bands(tables)
    return pa.table({f"b{b}": (bands == b).astype(np.int64) for b in range(FRIENDS)})


def _bands(tables: Tables) -> pa.Table:
    prepared = tables.prepared
    return pa.table(
        {
            "member": pa.array(np.arange(prepared.count), pa.int32()),
            "band": pa.array(prepared.band, pa.int8()),
            "as_friend": pa.array(_friend_bands(tables)),
            "verified": prepared.accounts["verified"],
        }
    )


def _around(tables: Tables) -> Table:
    """Everybody of recorded age: x, band, verified, b0 … organic ties with people of each band."""
    sums = tables.sums("bands_around", _band_classes, True)
    own = tables.make("bands", _bands)
    both = sums.join(own, sums.account == own.member).rename(x="account")
    return both.filter(both.band < KNOWN)


def _fit(tables: Tables) -> Table:
    """Everybody of recorded age: who, band, n organic ties, adults, looks (millionths).

    adults: of the ties, with adults; for a recorded child with those of 22 and more.
    """
    around = tables.once("bands_with_around", lambda: _around(tables))
    everybody = around.group_by("band", "verified").aggregate(
        accounts=around.count(), **{f"b{b}": total(around[f"b{b}"]) for b in range(FRIENDS)}
    )
    ratio = tables.priors.fixed("homophily", lambda: _ratios(tables.ask(everybody)))

    def weighed(mine: int) -> Any:
        parts = [around[f"b{b}"] * int(ratio[mine, b]) for b in range(FRIENDS)]
        return sum(parts[1:], parts[0])

    looks = ibis.cases(*((around.band == mine, weighed(mine)) for mine in range(KNOWN)), else_=0)
    n = sum((around[f"b{b}"] for b in range(1, FRIENDS)), around.b0)
    grown = around[f"b{GROWN}"]
    adults = ibis.ifelse(around.band < ADULT, grown, grown + around[f"b{ADULT}"])
    return tables.keep(
        "age_fit",
        around.select(who="x", band="band", n=n, adults=adults, looks=looks.cast("int64")),
    )


def child_like(tables: Tables, accounts: int) -> Floats:
    """By account: the probability that somebody recorded as an adult is a child, from its ties."""

    def question() -> Table:
        fit = _fit(tables)
        enough = fit.filter((fit.band == ADULT) & (fit.n >= tables.spec[KEY].minimum))
        return enough.select("who", "looks")

    found = tables.answer("child_like", question)
    cap = tables.spec[KEY].cap
    result = np.zeros(accounts)
    result[found["who"]] = expit(logit(MISRECORDED) + np.clip(found["looks"] / UNIT, -cap, cap))
    return result


def counts(tables: Tables) -> Table:
    """strangers by stretch; n ties, adults among them, and looks; everybody of recorded age."""
    fit = _fit(tables)
    c = tables.toward_children()
    stranger = by_stretch(tables, c, "u", strangers=c.m == 0)
    both = stranger.join(fit, stranger.account == fit.who)
    places = range(len(tables.spec.stretches))
    names: dict[str, Any] = {}
    for p in places:
        names[f"strangers_{p}"] = both[f"strangers_{p}"]
        names[f"n_{p}"] = both.n
        names[f"band_{p}"] = both.band.cast("int64")
        names[f"adults_{p}"] = both.adults
        names[f"looks_{p}"] = both.looks
    return both.select("account", **names)


def _ratios(sums: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """(own recorded band, friend's band): millionths of a log-likelihood ratio a tie.

    For children: adult against the recorded band; for adults: the likeliest child's band against
    adult, bounded a tie.
    """
    counted = np.zeros((KNOWN, FRIENDS))
    verified = sums["verified"].astype(np.bool_)
    use = verified if sums["accounts"][verified].sum() >= VERIFIED else verified | True
    for b in range(FRIENDS):
        np.add.at(counted[:, b], sums["band"][use].astype(int), sums[f"b{b}"][use])
    base = (counted.sum(axis=0) + 1.0) / (counted.sum() + FRIENDS)
    share = (counted + 20.0 * base) / (counted.sum(axis=1, keepdims=True) + 20.0)
    ratio = np.log(share[ADULT]) - np.log(share)
    children = counted[:ADULT].sum(axis=0)
    child = (children + 20.0 * base) / (children.sum() + 20.0)
    ratio[ADULT] = np.log(child) - np.log(share[ADULT])
    return np.asarray(np.rint(np.clip(ratio, -PER_TIE, PER_TIE) * UNIT), np.int64)


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """(a) the log-likelihood ratio, (b) 0; both bounded by the set's cap."""
    n, band = frame["n"], frame["band"]
    cap = spec[KEY].cap
    llr = np.clip(frame["looks"] / UNIT, -cap, cap)
    enough = (n >= spec[KEY].minimum) & (frame["strangers"] >= STRANGERS)
    minor = band < ADULT
    # whether an adult is a child does not depend on whom it contacted
    seen = np.where(minor, enough, n >= spec[KEY].minimum)
    return Judgement(
        account=frame.account,
        llr=np.where(enough, np.where(minor, llr, 0.0), np.nan),
        k=np.where(minor, frame["adults"], n - frame["adults"]),
        n=n,
        expected=np.full(n.shape, np.nan),
        details={
            "minor": minor.astype(np.float64),
            "looks": np.where(seen, llr, np.nan),
            "strangers": frame["strangers"],
        },
    )


def sentence(said: Said) -> str:
    """Whose ties they look like."""
    recorded, others = (
        ("a child", "adults of 22 or more") if said.details["minor"] else ("an adult", "children")
    )
    text = (
        f"Recorded as {recorded}; {number(said.k)} of {number(said.n)} ties that others began "
        f"{'is' if said.k == 1 else 'are'} with {others}"
    )
    if not said.details["minor"]:
        check = said.details["looks"] >= CHECK
        text += ", as a child's would be: an age check is recommended" if check else ""
    return text + "."


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few ties, or too few strangers."""
    if said and said.n >= spec[KEY].minimum:
        rest = " contacted without a friend in common"
        return too_few(said.details["strangers"], STRANGERS, "child", "children", rest)
    rest = " that others began, with people of known age"
    return too_few(said.n if said else None, spec[KEY].minimum, "tie", "ties", rest)


def rows(tables: Tables) -> Table:
    """Ties that others began; counted: with the other age group; value: the friend's age band."""
    half = half_ties(tables.ties)
    stands = (half.start < tables.as_of) & (half.end > tables.as_of) & (half.init == NEVER)
    organic = half.filter(stands).select("x", "w").distinct()
    bands = tables.make("bands_of", _bands)
    mine = bands.select(me="member", own="band")
    theirs = bands.select(friend="member", other="band", as_friend="as_friend")
    both = organic.join(mine, organic.x == mine.me).join(theirs, organic.w == theirs.friend)
    both = both.filter(both.other < KNOWN)
    none = ibis.null("int64")
    return both.select(
        account="x",
        event=none,
        target="w",
        at=none,
        kind=ibis.literal("tie"),
        outcome=ibis.null("string"),
        m=none,
        m_star=none,
        deg_u=none,
        deg_v=none,
        stretch=ibis.literal(0, "int8"),
        counted=ibis.ifelse(both.own < ADULT, both.as_friend == GROWN, both.other < ADULT),
        value=both.other.cast("float64"),
    )
