"""I10: private soon after a request is accepted, and contact at night.

Hours are the easiest thing to misread (shifts, time zones): capped, and every result is also given
without this indicator. Night is night where the child is. Both are compared with how the account
goes about it with adults: who works shifts, or writes to everybody at once, does so with them too.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
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
from signals.indicators.own_way import moved
from signals.indicators.people import busy
from signals.scoring import rate_llr
from signals.spec import ThresholdSpec

KEY = "private_fast"
HOUR = DAY // 24
ASSESSED, RAISES = 1.0, 2.0  # what a part says, 0 where it is not assessed
NIGHTS = 5  # contacts with a known hour that are needed


def _zones(tables: Tables) -> pa.Table:
    zones = zone_table(tables.prepared.accounts["region"], tables.as_of)
    # every contact is held against every offset of its zone
    since = tables.as_of - tables.spec.stretches[-1] * DAY
    return zones.filter(pc.greater(zones["ends"], since))


def _seen(tables: Tables, c: Table, name: str) -> Table:
    """Contacts c with accepted, fast (a thread soon after), placed (hour known), night.

    ``name``: of the table that those with a thread soon after are kept in.
    """
    spec = tables.spec
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
    soon = tables.keep(name, soon.select(fast="event").distinct())
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
    return c.mutate(
        accepted=c.accepted_at.notnull(),
        fast=c.fast.notnull(),
        placed=c.offset.notnull(),
        night=night.fill_null(False),
    ).drop("lives", "region", "zone", "begins", "ends", "offset")


def counts(tables: Tables) -> Table:
    """k fast of n accepted; night of placed contacts; adult_…: the same towards adults.

    Of accounts with enough contacts with children.
    """
    c = tables.contacts
    c = c.filter(c.own & c.weight.notnull() & (c.stretch < len(tables.spec.stretches)))
    many = busy(tables, min(tables.spec[KEY].minimum, NIGHTS))
    c = _seen(tables, c.semi_join(many, c.u == many.busy).mutate(child=c.weight > 0), "fast")
    fast = c.fast & c.accepted
    return by_stretch(
        tables,
        c,
        "u",
        k=c.child & fast,
        n=c.child & c.accepted,
        night=c.child & c.night,
        placed=c.child & c.placed,
        adult_k=~c.child & fast,
        adult_n=~c.child & c.accepted,
        adult_night=~c.child & c.night,
        adult_placed=~c.child & c.placed,
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Beta-binomial LLR of fast threads plus that of nights, each where assessed.

    Both against the cohort, moved by the account's way with adults (see ``moved``).
    """
    rate = spec[KEY].alternative or 0.5
    total = np.zeros(frame["k"].shape)
    known = np.zeros(total.shape, np.bool_)
    expected, speak = [], []
    for part, of, minimum in (("k", "n", spec[KEY].minimum), ("night", "placed", NIGHTS)):
        k, n = frame[part], frame[of]
        cohort, concentration = cohorts.rates(frame.account, k, n)
        others = frame[f"adult_{part}"], frame[f"adult_{of}"]
        mean = moved(cohorts, frame.account, cohort, *others)
        # where no threads are recorded, none can follow a request
        enough = (n >= minimum) & (part == "night" or cohorts.threads_recorded)
        llr = rate_llr(k, n, mean, concentration, rate, spec.concentration, enough)
        llr = cohorts.or_a_child(llr, frame.account, k, n, rate)
        speak.append(np.where(enough, np.where(llr > 0.0, RAISES, ASSESSED), 0.0))
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
            "fast_says": speak[0],
            "night_says": speak[1],
            "hours": np.full(total.shape, float(spec.private_hours)),
        },
    )


def sentence(said: Said) -> str:
    """The parts that speak for a look; where none does, those that are assessed."""
    d = said.details
    fast = (
        f"{number(said.k)} of {number(said.n)} children who accepted got a private thread within "
        f"{counted(d['hours'], 'hour', 'hours')} (comparable accounts: {number(said.expected)})"
    )
    night = (
        f"{number(d['night'])} of {number(d['placed'])} first contacts fell into the child's night "
        f"(comparable accounts: {number(d['usual_night'])})"
    )
    both = (fast, d["fast_says"]), (night, d["night_says"])
    raising = [text for text, says in both if says == RAISES]
    return "; ".join(raising or [text for text, says in both if says]) + "."


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
    c = _seen(tables, tables.toward_children(), "fast_to_children")
    c = c.filter(c.accepted | c.placed)
    fast, night = c.fast.cast("int64"), c.night.cast("int64")
    return contact_rows(tables, c, c.fast | c.night, fast + 2 * night)
