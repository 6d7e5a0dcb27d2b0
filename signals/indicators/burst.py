"""I4: the busiest day, week or fortnight of contacts with children.

Activity is heavy-tailed, so the best window is judged against the best windows of accounts of the
same age band that contacted as many children in all (how many those are is for I3 and I15 to
judge). It speaks only as far as children are also more of it than of the account's usual contacts:
the weaker of the two findings counts.
"""

from __future__ import annotations

import ibis
import numpy as np
from ibis.expr.types import Table
from numpy.typing import NDArray
from scipy import stats

from signals.engine.cohorts import Cohorts
from signals.engine.prepare import DAY
from signals.engine.windows import PACK
from signals.indicators.base import (
    Frame,
    Judgement,
    Said,
    Tables,
    contact_rows,
    counted,
    number,
    too_few,
)
from signals.indicators.people import busy
from signals.scoring import mixture_z, shift_llr
from signals.spec import ThresholdSpec

KEY = "burst"
WINDOWS = (1, 7, 14)  # days
STEADY = 4.0  # contacts of the cohort's usual mixture that steady the account's own


def _contacts(tables: Tables) -> Table:
    """Contacts with people of known age."""
    c = tables.contacts
    return c.filter(c.own & c.weight.notnull() & (c.stretch < len(tables.spec.stretches)))


def counts(tables: Tables) -> Table:
    """best1, best7, best14: the best windows, packed; children, known: all contacts.

    Of accounts that contacted children enough.
    """
    c = _contacts(tables)
    many = busy(tables, tables.spec[KEY].minimum)
    c = c.semi_join(many, c.u == many.busy)
    return tables.busiest(
        c.select(account="u", t="t", child=(c.weight > 0).cast("int8"), stretch="stretch"), WINDOWS
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """The smaller of: how rare such a window is in the cohort, how unusual its children are."""
    children_all = frame["children"][-1:]
    known_all = frame["known"][-1:]
    usual = cohorts.priors.fixed(
        "usual_mixture", lambda: float(children_all.sum() / max(known_all.sum(), 1.0))
    )
    best_z = np.full(frame["children"].shape, -np.inf)
    k, n = np.zeros(best_z.shape), np.zeros(best_z.shape)
    days_of, middle = np.zeros(best_z.shape), np.zeros(best_z.shape)
    # how many there were in all is for others to judge: as many children, by powers of √2
    size = np.floor(2.0 * np.log2(np.maximum(frame["children"], 1.0)))
    enough_all = frame["children"] >= spec[KEY].minimum
    for days in WINDOWS:
        packed = frame[f"best{days}"]
        children = np.floor(packed / PACK)
        known = PACK - 1 - (packed - children * PACK)
        value = np.where(enough_all, np.log(np.maximum(children, 1.0)), np.nan)
        wave, centre = cohorts.same_size(frame.account, value, size)
        # three windows were looked at
        tail = np.minimum(len(WINDOWS) * stats.norm.sf(wave), 0.999)
        outside = np.maximum(known_all - known, 0.0)
        share = (children_all - children + STEADY * usual) / (outside + STEADY)
        z = np.minimum(stats.norm.isf(tail), mixture_z(children, known, share))
        z = np.where((children >= spec[KEY].minimum) & ~np.isnan(z), z, -np.inf)
        better = z > best_z
        best_z = np.where(better, z, best_z)
        k, n = np.where(better, children, k), np.where(better, known, n)
        days_of = np.where(better, days, days_of)
        middle = np.where(better, np.exp(np.nan_to_num(centre)), middle)
    enough = np.isfinite(best_z)
    return Judgement(
        account=frame.account,
        # no wave is no sign of innocence: it says as little as an ordinary one
        llr=np.where(enough, np.maximum(shift_llr(best_z), -0.5), np.nan),
        k=np.where(enough, k, np.floor(frame["best14"] / PACK)),
        n=n,
        expected=middle,
        details={"days": days_of},
    )


def sentence(said: Said) -> str:
    """The window, and how many are usual in the best window of accounts with as many in all."""
    days = number(said.details["days"])
    within = "one day" if days == "1" else f"{days} days"
    return (
        f"Within {within} it contacted {counted(said.k, 'new child', 'new children')} among "
        f"{counted(said.n, 'person', 'people')}; the busiest such time of accounts that contacted "
        f"as many children in all has {said.expected:.1f}."
    )


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """No window with enough children."""
    found, rest = said.k if said else None, " within a fortnight"
    return too_few(found, spec[KEY].minimum, "new child", "new children", rest)


def rows(tables: Tables) -> Table:
    """Contacts with children; value: children within the fortnight that ends with each.

    Those of the window that the sentence is about are told by ``in_wave``, once it is chosen.
    """
    c = _contacts(tables)
    fortnight = ibis.range_window(
        preceding=WINDOWS[-1] * DAY, following=0, group_by="u", order_by="t"
    )
    in_window = c.select(ends="event", wave=(c.weight > 0).cast("int64").sum().over(fortnight))
    chosen = tables.toward_children()
    chosen = chosen.join(in_window, chosen.event == in_window.ends)
    return contact_rows(tables, chosen, ibis.literal(value=False), chosen.wave)


def in_wave(t: NDArray[np.int64], days: float, children: float) -> NDArray[np.bool_]:
    """Which of an account's contacts with children are its busiest window of so many days.

    ``t``: their times in µs, rising. Of several windows with as many children it is the first.
    """
    first = np.searchsorted(t, t - round(days) * DAY, side="left")
    last = np.searchsorted(t, t, side="right")
    inside = np.zeros(len(t), bool)
    for end in np.flatnonzero(last - first == round(children))[:1]:
        inside[first[end] : last[end]] = True
    return inside
