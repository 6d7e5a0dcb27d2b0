"""I10: private soon after a request is accepted, and contact at night.

Hours are the easiest thing to misread (shifts, time zones): capped, and every result is also given
without this indicator. Night is night where the child is.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from ibis.expr.types import Table

from signals.engine.canonical import CREATE
from signals.engine.cohorts import Cohorts
from signals.engine.prepare import DAY
from signals.engine.zones import zone_table
from signals.indicators.base import (
    Frame,
    Judgement,
    Said,
    Tables,
    by_stretch,
    contact_rows,
    counted,
    needed,
    number,
)
from signals.scoring import rate_llr
from signals.spec import ThresholdSpec

KEY = "private_fast"
HOUR = DAY // 24
NIGHTS = 5  # contacts with a known hour that are needed


def _zones(tables: Tables) -> pa.Table:
    return zone_table(tables.prepared.accounts["region"], tables.as_of)


def _chosen(tables: Tables) -> Table:
    """Contacts with children: accepted, fast (a thread soon after), placed (hour known), night."""
    spec = tables.spec
    c = tables.toward_children()
    accepted = c.filter(c.accepted_at.notnull())
    threads = tables.approaches.filter(tables.approaches.kind == CREATE)
    threads = threads.select(x="u", y="v", at="t")
    soon = accepted.select("event", "u", "v", "accepted_at").join(
        threads,
        [
            accepted.u == threads.x,
            accepted.v == threads.y,
            threads["at"] >= accepted.accepted_at,
            threads["at"] <= accepted.accepted_at + spec.private_hours * HOUR,
        ],
    )
    soon = soon.select(fast="event").distinct()
    zones = tables.make("zones", _zones)
    where = tables.accounts.select(lives="account", region="region")
    c = c.left_join(soon, c.event == soon.fast).left_join(where, c.v == where.lives)
    c = c.left_join(
        zones,
        [c.region == zones.zone, c.t >= zones.begins, c.t < zones.ends],
    )
    hour = ((c.t + c.offset) // HOUR) % 24
    if spec.night_from <= spec.night_until:
        night = (hour >= spec.night_from) & (hour < spec.night_until)
    else:
        night = (hour >= spec.night_from) | (hour < spec.night_until)
    return tables.keep(
        "private_fast_contacts",
        c.mutate(
            accepted=c.accepted_at.notnull(),
            fast=c.fast.notnull(),
            placed=c.offset.notnull(),
            night=night.fill_null(False),
        ).drop("lives", "region", "zone", "begins", "ends", "offset"),
    )


def counts(tables: Tables) -> Table:
    """k fast of n accepted; night of placed contacts."""
    c = _chosen(tables)
    return by_stretch(
        tables, c, "u", k=c.fast & c.accepted, n=c.accepted, night=c.night, placed=c.placed
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Beta-binomial LLR of fast threads plus that of nights, each where assessed."""
    rate = spec[KEY].alternative or 0.5
    total = np.zeros(frame["k"].shape)
    known = np.zeros(total.shape, np.bool_)
    expected = []
    for k, n, minimum in (
        (frame["k"], frame["n"], spec[KEY].minimum),
        (frame["night"], frame["placed"], NIGHTS),
    ):
        mean, concentration = cohorts.rates(frame.account, k, n)
        enough = n >= minimum
        llr = rate_llr(k, n, mean, concentration, rate, spec.concentration, enough)
        llr = cohorts.or_a_child(llr, frame.account, k, n, rate)
        total += np.where(enough, llr, 0.0)
        known |= enough
        expected.append(n * mean)
    return Judgement(
        account=frame.account,
        llr=np.where(known, total, np.nan),
        k=frame["k"],
        n=frame["n"],
        expected=expected[0],
        details={
            "night": frame["night"],
            "placed": frame["placed"],
            "usual_night": expected[1],
            "hours": np.full(total.shape, float(spec.private_hours)),
        },
    )


def sentence(said: Said) -> str:
    """Both parts."""
    d = said.details
    fast = (
        f"{number(said.k)} of {number(said.n)} children who accepted got a private thread within "
        f"{counted(d['hours'], 'hour', 'hours')} (comparable accounts: {number(said.expected)})"
    )
    night = (
        f"{number(d['night'])} of {number(d['placed'])} first contacts fell into the child's night "
        f"(comparable accounts: {number(d['usual_night'])})"
    )
    parts = [text for text, of in ((fast, said.n), (night, d["placed"])) if of]
    return "; ".join(parts) + "."


def lacking(said: Said | None, spec: ThresholdSpec) -> str:
    """Too few accepted requests and too few known hours."""
    there = counted(said.n, "request", "requests") if said else "no requests"
    placed = counted(said.details["placed"], "contact", "contacts") if said else "no contacts"
    return (
        f"{there} accepted by children ({needed(spec[KEY].minimum)}) and {placed} with a known "
        f"hour ({needed(NIGHTS)})"
    )


def rows(tables: Tables) -> Table:
    """Accepted or placed contacts; counted: fast or at night."""
    c = _chosen(tables)
    c = c.filter(c.accepted | c.placed)
    fast, night = c.fast.cast("int64"), c.night.cast("int64")
    return contact_rows(tables, c, c.fast | c.night, fast + 2 * night)
