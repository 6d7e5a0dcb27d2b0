"""I9: whether the account belongs to the circle of the children it has contact with. Only lowers.

Teachers, coaches and creators are approached by children first, and the children around them know
each other. Where the account takes children aside (I14 speaks), this counts for nothing: being
surrounded by children does not excuse that. ``signals.engine.judge`` applies the exception.
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
    Spread,
    Tables,
    by_stretch,
    compared,
    contact_rows,
    counted,
    number,
    people_came,
    too_few,
)
from signals.scoring import log_beta_binomial, rate_range, shift_llr
from signals.spec import ThresholdSpec

KEY = "embedded"
# among offenders children come first this seldom: mean share, concentration as everywhere
COME_TO_OFFENDERS = 0.15


def counts(tables: Tables) -> Table:
    """went, came: children contacted, and children who came first; ties: among those contacted."""
    c = tables.toward_children()
    places = range(len(tables.spec.stretches))
    went = by_stretch(tables, c, "u", went=c.t >= 0).rename(went_from="account")
    circle = tables.circle(c)
    known = c.select("event", "u", "stretch").join(
        circle.rename(of="event"), c.event == circle.event
    )
    peers = {p: ibis.ifelse(known.stretch <= p, known[f"peers_{p}"], 0) for p in places}
    ties = tables.tally(known.select(account="u", **{f"ties_{p}": peers[p] for p in places}))
    ties = ties.rename(tied="account")
    came = people_came(tables)
    both = went.left_join(came, went.went_from == came.came_to)
    both = both.left_join(ties, both.went_from == ties.tied)
    return both.select(
        account="went_from",
        **{
            f"{name}_{p}": both[f"{name}_{p}"].fill_null(0)
            for name in ("went", "came", "ties")
            for p in places
        },
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Minus what speaks for belonging: children came first; the children know each other."""
    went, came = frame["went"], frame["came"]
    n = went + came
    enough = (n >= spec[KEY].minimum) & (went > 0)
    mean, concentration = cohorts.rates(frame.account, came, n)
    offenders = log_beta_binomial(
        came, n, np.minimum(COME_TO_OFFENDERS, 0.5 * mean), np.asarray(spec.concentration)
    )
    first = np.maximum(log_beta_binomial(came, n, mean, concentration) - offenders, 0.0)
    pairs = np.maximum(went * (went - 1.0), 1.0)
    density = np.log((frame["ties"] + 0.5) / (pairs + 5.0))
    size = np.floor(2.0 * np.log2(np.maximum(went, 1.0)))
    several = (went >= spec[KEY].minimum) & enough
    close, _ = cohorts.same_size(frame.account, np.where(several, density, np.nan), size)
    together = np.where(several, np.maximum(shift_llr(close), 0.0), 0.0) * came / np.maximum(n, 1.0)
    return Judgement(
        account=frame.account,
        llr=np.where(enough, -(first + together), np.nan),
        k=came,
        n=n,
        expected=n * mean,
        spread=Spread(rate_range, mean, concentration),
        details={"ties": frame["ties"] / 2.0, "pairs": pairs / 2.0},
    )


def sentence(said: Said) -> str:
    """Who came first, and who knows whom."""
    return (
        f"{number(said.k)} of {number(said.n)} children in contact with it came first; "
        f"{compared(said)}. Among the children it contacted {number(said.details['ties'])} of "
        f"{counted(said.details['pairs'], 'pair', 'pairs')} know each other."
    )


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few children."""
    found = said.n if said else None
    return too_few(found, spec[KEY].minimum, "child", "children", " in contact")


def rows(tables: Tables) -> Table:
    """Contacts with children; value: how many of the other children know this one."""
    c = tables.toward_children()
    circle = tables.circle(c).rename(of="event")
    last = len(tables.spec.stretches) - 1
    c = c.join(circle, c.event == circle.of)
    return contact_rows(tables, c, c[f"peers_{last}"] > 0, c[f"peers_{last}"])
