"""I2: requests that children refused, beyond what these children refuse to everybody.

A request is refused when it is rejected, or when the child blocks within some days of it. What is
to be expected is the sum of how strict each child is with *other* senders, in the same
circumstances (friends in common, kind of request), multiplied by how often the account's own
requests to adults are refused: who is refused by everybody is a spammer, not a groomer. An ignored
request counts with a weight fitted from how far ignored requests resemble refused ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr.types import Table
from numpy.typing import NDArray

from signals.engine.canonical import CREATE, OUTCOME
from signals.engine.cohorts import Cohorts
from signals.indicators.base import (
    Frame,
    Judgement,
    Said,
    Spread,
    Tables,
    by_stretch,
    compared,
    contact_rows,
    needed,
    number,
    too_few,
    total,
    was,
)
from signals.scoring import excess_llr, excess_range
from signals.spec import ThresholdSpec

KEY = "refused"
UNIT = 1_000_000  # expectations are added up as whole millionths: the order then cannot matter
RATIO, ABOUT = 2.0, 4.0  # offenders are refused about twice as often, Gamma shape
OWN = 3.0  # imagined refusals by adults, as expected, that steady the account's own rate
LEAST_REFUSED = 2
STEADY = 10.0  # requests of all circumstances that steady the rate of one
BETWEEN = (0.005, 0.95)  # where such a rate lies
CELLS = 18  # friends in common × kind × whom

_REFUSED = (OUTCOME["refused"], OUTCOME["blocked"])
_GRANTED = (OUTCOME["accepted"], OUTCOME["followed"])


@dataclass(frozen=True)
class Strictness:
    """How requests end in general: the weight of an ignored one, and rates by circumstance.

    ``steadiness``: Gamma shape of recipients around the rate of their circumstances; ``rates``: of
    each cell (millionths); ``recipients``: what each did, and what was to be expected; ``senders``:
    what became of each sender's own requests by cell; ``requests``: what each request had to do
    with that, where these are not the requests here.
    """

    ignored: float
    steadiness: float
    rates: Table
    recipients: Table
    senders: Table
    requests: Table | None = None


def _requests(tables: Tables) -> Table:
    """Requests with an outcome that says something: their circumstances as one number, ``cell``.

    It holds friends in common (0, 1 or 2, 3 or more), kind, and ``whom``: 0 adult, 1 child, 2 of
    unknown age.
    """
    c = tables.contacts
    outcomes = (*_REFUSED, *_GRANTED, OUTCOME["ignored"])
    c = c.filter((c.kind != CREATE) & c.outcome.isin(outcomes))
    whom = ibis.cases((c.weight.isnull(), 2), (c.weight > 0, 1), else_=0).cast("int64")
    bucket = ibis.cases((c.m == 0, 0), (c.m <= 2, 1), else_=2).cast("int64")
    return c.mutate(
        cell=(bucket * 2 + c.kind) * 3 + whom,
        whom=whom,
        refused=c.outcome.isin(_REFUSED),
        ignored=c.outcome == OUTCOME["ignored"],
    )


def _strictness(tables: Tables) -> Strictness:
    """Fit the weight of an ignored request, the rates by circumstance, the recipients' scatter."""
    if tables.priors.frozen:
        return _as_it_was(tables)
    requests = _requests(tables)
    found = tables.ask(
        requests.group_by("cell").aggregate(
            all=requests.count(),
            refused=total(requests.refused.cast("int64")),
            ignored=total(requests.ignored.cast("int64")),
        )
    )
    cells = {name: np.zeros(CELLS) for name in ("all", "refused", "ignored")}
    for name, values in cells.items():
        values[found["cell"]] = found[name]
    weight = _ignored_weight(cells, tables.spec.ignored_weight)
    outcome = cells["refused"] + weight * cells["ignored"]
    overall = (outcome.sum() + 0.5) / (cells["all"].sum() + 1.0)
    tables.priors.note("refusals", [weight, 0.0, *cells["all"], *outcome])
    rates = _rates(tables)
    weighed = _weighed(requests, rates, weight)
    recipients = tables.keep("refused_recipients", _recipients(weighed))
    tables.remember("recipients", recipients)
    parts = weighed.select(
        "u",
        "v",
        y=weighed.y.cast("int32"),
        p=weighed.p.cast("int32"),
        cell=weighed.cell.cast("int8"),
    )
    tables.remember("requests", parts)
    scatter = tables.ask(recipients.select(y="all_y", p="all_p"))
    y, p = scatter["y"] / UNIT, scatter["p"] / UNIT
    order = np.lexsort((y, p))  # sums in an order that ids cannot change
    y, p = y[order], p[order]
    extra = float(((y - p) ** 2 - p * (1.0 - overall)).sum())
    steadiness = float(np.clip((p**2).sum() / extra, 0.5, 20.0)) if extra > 0 else 20.0
    tables.priors.note("refusals", [weight, steadiness, *cells["all"], *outcome])
    asked = _of_those_who_ask_children(tables, weighed)
    senders = _senders(tables, weighed.semi_join(asked, weighed.u == asked.asks))
    return Strictness(weight, steadiness, rates, recipients, senders)


def _as_it_was(tables: Tables) -> Strictness:
    """The strictness that a run over everything found."""
    figures = tables.priors.figures["refusals"]
    weight, steadiness = (float(figure) for figure in figures[:2])
    recipients, requests = tables.recall("recipients"), tables.recall("requests")
    senders = _senders(tables, requests)
    return Strictness(weight, steadiness, _rates(tables), recipients, senders, requests)


def _rates(tables: Tables) -> Table:
    return tables.make("refusal_rates", _rate_rows)


def _rate_rows(tables: Tables) -> pa.Table:
    """By cell: p, the rate of its circumstances; all_n, all_o: requests and refusals (millionths);
    any_n, any_o: those of all cells."""
    many, outcome = tables.priors.figures["refusals"][2:].reshape(2, CELLS)
    overall = (outcome.sum() + 0.5) / (many.sum() + 1.0)
    rate = np.clip((outcome + STEADY * overall) / (many + STEADY), *BETWEEN)
    whole = np.rint(outcome * UNIT).astype(np.int64)
    return pa.table(
        {
            "of_cell": np.arange(CELLS),
            "p": np.rint(rate * UNIT).astype(np.int64),
            "all_n": many.astype(np.int64),
            "all_o": whole,
            "any_n": np.full(CELLS, int(many.sum())),
            "any_o": np.full(CELLS, int(whole.sum())),
        }
    )


def _senders(tables: Tables, weighed: Table) -> Table:
    """What became of each sender's requests: sender, in_cell, sent, lost (millionths)."""
    by_cell = weighed.group_by(sender="u", in_cell="cell").aggregate(
        sent=weighed.count(), lost=total(weighed.y.cast("int64"))
    )
    return tables.keep("refused_senders", by_cell)


def _ignored_weight(cells: Mapping[str, NDArray[Any]], most: float) -> float:
    """Where ignored requests lie between granted (0) and refused (1), by how many were
    strangers'."""
    stranger = np.arange(CELLS) < CELLS // 3
    granted = cells["all"] - cells["refused"] - cells["ignored"]

    def share(values: NDArray[Any]) -> float:
        return float((values[stranger].sum() + 1.0) / (values.sum() + 2.0))

    low, high = share(granted), share(cells["refused"])
    if high - low < 0.02:  # nothing to tell them apart by
        return most / 2.0
    return float(np.clip((share(cells["ignored"]) - low) / (high - low), 0.0, most))


def _weighed(requests: Table, rates: Table, ignored: float) -> Table:
    """Requests with y, how much of a refusal each was, and p, the rate of its circumstances."""
    rates = rates.select("of_cell", "p")
    r = requests.join(rates, requests.cell == rates.of_cell).drop("of_cell")
    y = ibis.cases((r.refused, UNIT), (r.ignored, round(ignored * UNIT)), else_=0)
    return r.mutate(y=y.cast("int64"))


def _recipients(weighed: Table) -> Table:
    """What each recipient did with all requests, and what was to be expected."""
    return weighed.group_by(recipient="v").aggregate(all_y=total(weighed.y), all_p=total(weighed.p))


def requests(tables: Tables) -> Table:
    """Requests that say something, each with y (how much of a refusal) and e (to be expected).

    Both in millionths. e is the rate of the circumstances, without the sender's own requests, times
    how strict this recipient is with *other* senders, shrunk towards 1.
    """
    fitted = tables.once("strictness", lambda: _strictness(tables))
    weighed = _weighed(_requests(tables), fitted.rates, fitted.ignored)
    of = fitted.recipients
    if fitted.requests is None:
        rates = tables.keep("refused_rates_of_senders", _of_senders(fitted))
        r = weighed.join(rates, [weighed.u == rates.sender, weighed.cell == rates.in_cell])
        r = r.drop("sender", "in_cell")
        r = r.join(of, r.v == of.recipient)
        r = r.mutate(others_y=r.all_y - r.y, others_p=r.all_p - r.p)
    else:
        asked = _of_those_who_ask_children(tables, weighed)
        weighed = weighed.semi_join(asked, weighed.u == asked.asks)
        then = fitted.requests.select(by="u", to="v", own_y="y", own_p="p")
        r = weighed.left_join(of, weighed.v == of.recipient)
        r = r.left_join(then, [r.u == then.by, r.v == then.to])
        r = r.mutate(
            others_y=r.all_y.fill_null(0) - r.own_y.fill_null(0),
            others_p=r.all_p.fill_null(0) - r.own_p.fill_null(0),
        ).drop("by", "to", "own_y", "own_p")
        r = _without_own(r, fitted)
    steady = round(fitted.steadiness * UNIT)
    strict = (r.others_y + steady).cast("float64") / (r.others_p + steady)
    e = ibis.least((r.rate * strict).round().cast("int64"), round(BETWEEN[1] * UNIT))
    return r.mutate(e=e).drop("recipient", "all_y", "all_p", "others_y", "others_p", "rate")


def _of_those_who_ask_children(tables: Tables, requests: Table) -> Table:
    """asks: whose requests went to a child at all. Nothing is asked about the others."""
    r = requests.filter(requests.own & (requests.whom == 1))
    r = r.filter(r.stretch < len(tables.spec.stretches))
    return tables.keep("ask_children", r.select(asks="u").distinct())


def _of_senders(fitted: Strictness) -> Table:
    """sender, in_cell, rate: see ``_without_own``, of all senders who asked a child at all.

    They are fewer than their requests, which then need one join instead of four.
    """
    own, of = fitted.senders, _sent(fitted)
    cells = fitted.rates.drop("p")
    own = own.join(of, own.sender == of.of_sender)
    own = own.join(cells, own.in_cell == cells.of_cell)
    return own.select("sender", "in_cell", rate=_rate(own))


def _without_own(r: Table, fitted: Strictness) -> Table:
    """Requests with ``rate``: that of their circumstances over other senders (millionths)."""
    cells, own, of = fitted.rates.drop("p"), fitted.senders, _sent(fitted)
    r = r.join(cells, r.cell == cells.of_cell)
    r = r.left_join(own, [r.u == own.sender, r.cell == own.in_cell])
    r = r.left_join(of, r.u == of.of_sender)
    return r.mutate(rate=_rate(r)).drop(
        "of_cell", "all_n", "all_o", "any_n", "any_o", "sender", "in_cell", "sent", "lost",
        "of_sender", "own_sent", "own_lost",
    )  # fmt: skip


def _sent(fitted: Strictness) -> Table:
    """of_sender, own_sent, own_lost: what became of each sender's requests in all cells."""
    own = fitted.senders
    return own.group_by(of_sender="sender").aggregate(
        own_sent=own.sent.sum(), own_lost=total(own.lost)
    )


def _rate(r: Table) -> Any:
    """The refusals of a cell less the sender's own, steadied by those of all cells (millionths)."""
    overall = (r.any_o - r.own_lost.fill_null(0) + UNIT // 2).cast("float64") / (
        r.any_n - r.own_sent.fill_null(0) + 1
    )
    rest = (r.all_o - r.lost.fill_null(0)).cast("float64") + STEADY * overall
    rate = rest / (r.all_n - r.sent.fill_null(0) + STEADY)
    low, high = (share * UNIT for share in BETWEEN)
    return ibis.greatest(ibis.least(rate, high), low)


def counts(tables: Tables) -> Table:
    """k refused of n decided; y and e as weighed and expected, of children and of adults."""
    r = requests(tables)
    r = r.filter(r.own & (r.stretch < len(tables.spec.stretches)))
    child, adult = r.whom == 1, r.whom == 0
    return by_stretch(
        tables,
        r,
        "u",
        k=child & r.refused,
        n=child & ~r.ignored,
        ignored=child & r.ignored,
        y=ibis.ifelse(child, r.y, 0),
        e=ibis.ifelse(child, r.e, 0),
        adult_y=ibis.ifelse(adult, r.y, 0),
        adult_e=ibis.ifelse(adult, r.e, 0),
        adults=adult & ~r.ignored,
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Gamma-Poisson LLR of the refusals by children, given those by adults."""
    k, n = frame["k"], frame["n"]
    y, e = frame["y"] / UNIT, frame["e"] / UNIT
    own = (frame["adult_y"] / UNIT + OWN) / (frame["adult_e"] / UNIT + OWN)
    # the gap to the account's own adult recipients: both sides steadied
    expected = e * np.clip(own, 0.7, 3.0)
    shape = cohorts.scatter(frame.account, y, expected, n)
    llr = excess_llr(y, expected, shape, RATIO, ABOUT)
    enough = (n >= spec[KEY].minimum) & (k >= LEAST_REFUSED)
    return Judgement(
        account=frame.account,
        llr=np.where(enough, llr, np.nan),
        k=k,
        n=n,
        expected=expected,
        spread=Spread(excess_range, expected, shape),
        details={"ignored": frame["ignored"], "adults": frame["adults"], "own": own},
    )


def sentence(said: Said) -> str:
    """k of n, what these children refuse to others, and what adults refuse to the account."""
    text = (
        f"{number(said.k)} of {number(said.n)} decided requests to children {was(said.k)} refused "
        f"or followed by a block; from how strict these children are with others, "
        f"{compared(said, False)}"
    )
    if said.details["ignored"]:
        text += f"; {number(said.details['ignored'])} more {was(said.details['ignored'])} ignored"
    if said.details["adults"]:
        times = said.details["own"]
        text += f"; adults refuse this account {times:.1f} times as often as others"
    return text + "."


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few decided requests, or too few refusals."""
    if said and said.n >= spec[KEY].minimum:
        return f"{number(said.k)} refused by children; {needed(LEAST_REFUSED)}"
    one, several = "decided request", "decided requests"
    return too_few(said.n if said else None, spec[KEY].minimum, one, several, " to children")


def rows(tables: Tables) -> Table:
    """Every decided or ignored request to a child with its expectation; counted: refused."""
    r = requests(tables)
    r = r.filter(r.own & (r.whom == 1) & (r.stretch < len(tables.spec.stretches)))
    return contact_rows(tables, r, r.refused, r.e.cast("float64") / UNIT)
