"""I9: whether the account belongs to the circle of the children it has contact with.

Teachers, coaches and creators are approached by children first, and the children around them know
each other; and nobody is taken aside: where children are contacted by the dozen and hardly one is
written to in private, that is no small thing to be absent, since grooming needs the two of them
alone. It only lowers: to most accounts children do not come, and that is no reason for suspicion.
"""

from __future__ import annotations

import ibis
import numpy as np
from ibis.expr.types import Table
from numpy.typing import NDArray

from signals.engine.canonical import OUTCOME
from signals.engine.cohorts import Cohorts
from signals.indicators.base import (
    Floats,
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
    too_few,
)
from signals.indicators.people import people_came
from signals.indicators.private_threads import threads
from signals.scoring import log_beta_binomial, rate_range, shift_llr
from signals.spec import ThresholdSpec

KEY = "embedded"
# to offenders children come so much less often than to comparable accounts
COME_TO_OFFENDERS = 0.5
# so many offenders start private threads with the children they reach, if the platform has threads
TAKE_ASIDE = 0.9
COUNTED = "went", "came", "ties", "granted", "threads"


def counts(tables: Tables) -> Table:
    """went, came: children contacted, and children who came first; ties: among those contacted.

    granted: of those contacted, who accepted; threads: children to whom it started one.
    """
    c = tables.toward_children()
    places = range(len(tables.spec.stretches))
    granted = c.outcome.isin([OUTCOME["accepted"], OUTCOME["followed"]])
    went = by_stretch(tables, c, "u", went=c.t >= 0, granted=granted).rename(went_from="account")
    talk = threads(tables)
    aside = by_stretch(tables, talk, "u", threads=talk.under_18).rename(aside_by="account")
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
    both = both.left_join(aside, both.went_from == aside.aside_by)
    return both.select(
        account="went_from",
        **{f"{name}_{p}": both[f"{name}_{p}"].fill_null(0) for name in COUNTED for p in places},
    )


def judge(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
    """Minus what speaks for belonging: children came first and know each other; none is alone.

    Never above 0.
    """
    went, came = frame["went"], frame["came"]
    n = went + came
    enough = (n >= spec[KEY].minimum) & (went > 0)
    mean, concentration = cohorts.rates(frame.account, came, n)
    about = np.full(n.shape, spec.concentration)
    first = _against(came, n, (mean, concentration), (COME_TO_OFFENDERS * mean, about), enough)
    pairs = np.maximum(went * (went - 1.0), 1.0)
    density = np.log((frame["ties"] + 0.5) / (pairs + 5.0))
    size = np.floor(2.0 * np.log2(np.maximum(went, 1.0)))
    several = (went >= spec[KEY].minimum) & enough
    close, _ = cohorts.same_size(frame.account, np.where(several, density, np.nan), size)
    together = np.where(several, np.maximum(shift_llr(close), 0.0), 0.0) * came / np.maximum(n, 1.0)
    belongs = first + together + _in_the_open(frame, cohorts, spec)
    return Judgement(
        account=frame.account,
        llr=np.where(enough, np.minimum(-belongs, 0.0), np.nan),
        k=came,
        n=n,
        expected=n * mean,
        spread=Spread(rate_range, mean, concentration),
        details={
            "ties": frame["ties"] / 2.0,
            "pairs": pairs / 2.0,
            "threads": frame["threads"],
            "reached": frame["granted"] + came,
        },
    )


def _in_the_open(frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Floats:
    """How much better comparable accounts explain so few private threads than offenders do.

    Of the children reached (who accepted, or came), to how many did it start a thread. A tenth of
    offenders are taken to start none here, so this takes at most log 10.
    """
    reached = frame["granted"] + frame["came"]
    alone = np.minimum(frame["threads"], reached)
    mean, concentration = cohorts.rates(frame.account, alone, reached)
    rate = np.full(mean.shape, spec["private_threads"].alternative or 0.5)
    about = np.full(mean.shape, spec.concentration)
    told = (reached >= spec[KEY].minimum) & cohorts.threads_recorded
    usual = _against(alone, reached, (mean, concentration), (rate, about), told)
    ratio = np.log1p(TAKE_ASIDE * np.expm1(np.clip(-usual, -30.0, 30.0)))
    return np.where(told, np.maximum(-ratio, 0.0), 0.0)


def _against(
    k: Floats,
    n: Floats,
    usual: tuple[Floats, Floats],
    offenders: tuple[Floats, Floats],
    where: NDArray[np.bool_],
) -> Floats:
    """How much better one Beta-binomial (mean, concentration) explains k of n; 0 elsewhere."""
    result = np.zeros(k.shape)
    k, n = k[where], n[where]
    (mean, about), (mean2, about2) = ((m[where], c[where]) for m, c in (usual, offenders))
    result[where] = log_beta_binomial(k, n, mean, about) - log_beta_binomial(k, n, mean2, about2)
    return result


def sentence(said: Said) -> str:
    """Who came first, who knows whom, and with how many it was alone."""
    d = said.details
    return (
        f"{number(said.k)} of {number(said.n)} children in contact with it came first; "
        f"{compared(said)}. Among the children it contacted {number(d['ties'])} of "
        f"{counted(d['pairs'], 'pair', 'pairs')} know each other. Of "
        f"{counted(d['reached'], 'child', 'children')} reached, it started a private thread with "
        f"{number(min(d['threads'], d['reached']))}."
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
