"""Whom accounts are in contact with: counted once, read by several indicators."""

from __future__ import annotations

from ibis.expr.types import Table

from signals.engine.canonical import OUTCOME
from signals.indicators.base import Tables, by_stretch, half_ties, stretch_of


def busy(tables: Tables, minimum: int) -> Table:
    """busy: accounts that contacted so many children in the whole history."""
    children = tables.toward_children()
    many = children.group_by("u").aggregate(children=children.count())
    # a table, not an expression: the engine then knows how few they are beside the contacts
    return tables.keep(f"busy_{minimum}", many.filter(many.children >= minimum).select(busy="u"))


def had_met(tables: Tables) -> Table:
    """Blocks and reports after a contact of the two, or a tie: met (the event)."""
    acts = tables.safety.filter(tables.safety.kind.isin(["block", "report"]))
    acts = acts.select("t", event="id", u="object", v="actor")
    first = tables.facts.select(x="u", y="v", since="t")
    either = first.union(first.select(x="y", y="x", since="since"))
    contact = acts.join(
        either, [acts.u == either.x, acts.v == either.y, either.since <= acts.t]
    ).select("event")
    half = half_ties(tables.ties)
    tied = acts.join(half, [acts.u == half.x, acts.v == half.w, half.start < acts.t])
    met = contact.union(tied.select("event")).distinct().select(met="event")
    return tables.keep("met_before", met)


def people_came(tables: Tables) -> Table:
    """People of known age who contacted each account first: came_to, came_0 …, came_adults_0 …

    came_tied: those who had ties enough for a friend in common to be expected; came_strange: of
    these, without one.
    """
    found: Table = tables.once("came", lambda: _people_came(tables))
    return found


def _people_came(tables: Tables) -> Table:
    f = tables.facts.select("u", "v", "t", "m", "deg_u")
    ages = tables.accounts.filter(tables.accounts.until_18.notnull())
    ages = ages.select(other="account", until_18="until_18")
    f = f.join(ages, f.u == ages.other)
    f = f.mutate(stretch=stretch_of(f.t, tables.spec, tables.as_of))
    f = f.filter(f.stretch < len(tables.spec.stretches))
    child, tied = f.t < f.until_18, f.deg_u >= tables.spec.informative_ties
    whom = {"came": child, "came_adults": ~child, "came_tied": tied}
    came = by_stretch(tables, f, "v", **whom, came_strange=tied & (f.m == 0))
    return tables.keep("people_came", came.rename(came_to="account"))


def people_met(tables: Tables) -> Table:
    """People of known age in contact, whoever began: met_by, met_0 …, met_adults_0 …

    reached: those of them who granted what they were asked, or came.
    """
    found: Table = tables.once("met", lambda: _people_met(tables))
    return found


def _people_met(tables: Tables) -> Table:
    c = tables.contacts
    c = c.filter(c.weight.notnull() & (c.stretch < len(tables.spec.stretches)))
    child = c.weight > 0
    granted = c.outcome.isin([OUTCOME["accepted"], OUTCOME["followed"]])
    went = by_stretch(
        tables,
        c,
        "u",
        went=child,
        went_adults=~child,
        granted=child & granted,
        granted_adults=~child & granted,
    )
    came = people_came(tables)
    both = went.outer_join(came, went.account == came.came_to)
    places = range(len(tables.spec.stretches))
    met = {
        f"{name}{who}_{p}": both[f"{part}{who}_{p}"].fill_null(0)
        + both[f"came{who}_{p}"].fill_null(0)
        for name, part in (("met", "went"), ("reached", "granted"))
        for who in ("", "_adults")
        for p in places
    }
    met = both.select(met_by=both.account.fill_null(both.came_to), **met)
    return tables.keep("people_met", met)
