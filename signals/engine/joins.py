"""Contact facts, circles, sums and windows as expressions: for an engine without compiled kernels.

The same values as ``facts``, ``tally`` and ``windows`` to the last row, from the same canonical
tables, by portable Ibis expressions. Each join starts from the side with fewer ties, so that a hub
costs no more than its partners (Σ min(d_u, d_v)), and degrees come from one ordered pass over the
changes of each account.
"""

from __future__ import annotations

from typing import Any

import ibis
from ibis.expr.types import Table

from signals.engine.canonical import big
from signals.engine.kernels import NEVER, STILL
from signals.engine.prepare import DAY
from signals.engine.windows import PACK
from signals.indicators.base import half_ties, total

# at the same instant a tie that ends is gone already, and one that starts is not there yet
_ENDS, _ASKS, _STARTS = 1, 2, 3


def contact_facts(ties: Table, first: Table, as_of: int, organic: int) -> Table:
    """``first`` with the columns of ``signals.engine.facts.Facts`` beside it; see there.

    ``first`` has one row an ``event``, with u, v and t; ``as_of`` and ``organic`` in µs.
    """
    half = half_ties(ties)
    half = half.filter(half.start < half.end)
    mutual = _mutual(half, first, as_of, organic).rename(mutual_of="event")
    degree = _degrees(half, first).rename(degree_of="event")
    both = first.left_join(mutual, first.event == mutual.mutual_of)
    both = both.left_join(degree, both.event == degree.degree_of)
    return both.select(
        *first.columns,
        **{name: both[name].fill_null(0).cast("int32") for name in ("m", "m_star", "m_final")},
        **{name: both[name].fill_null(0).cast("int32") for name in ("deg_u", "deg_v")},
        first_mutual=both.first_mutual.fill_null(big(STILL)),
    )


def _mutual(half: Table, first: Table, as_of: int, organic: int) -> Table:
    """Contacts whose two sides ever shared a neighbour: event, m, m_star, m_final, first_mutual."""
    sizes = half.group_by("x").aggregate(size=half.count())
    of_u, of_v = sizes.select(us="x", u_size="size"), sizes.select(vs="x", v_size="size")
    c = first.select("event", "u", "v", "t")
    # a side without ties shares none
    c = c.join(of_u, c.u == of_u.us).join(of_v, c.v == of_v.vs)
    c = c.mutate(turned=c.v_size < c.u_size)
    c = c.select(
        "event",
        "t",
        "turned",
        fewer=ibis.ifelse(c.turned, c.v, c.u),
        more=ibis.ifelse(c.turned, c.u, c.v),
    )
    one = half.select(holder="x", w="w", start="start", end="end", init="init")
    near = c.join(one, c.fewer == one.holder).drop("holder", "fewer")
    far = half.select(owner="x", friend="w", start_2="start", end_2="end", init_2="init")
    both = near.join(far, [near.more == far.owner, near.w == far.friend])
    both = both.select(
        "event",
        "w",
        "t",
        start=ibis.greatest(both.start, both.start_2),
        end=ibis.least(both.end, both.end_2),
        init=ibis.ifelse(both.turned, both.init_2, both.init),
    )
    stands = (both.start < both.t) & (both.t < both.end)
    by_itself = (both.init != big(NEVER)) & (both.init >= both.t - organic)
    each = both.mutate(
        stands=stands.cast("int32"),
        organic=(stands & ~by_itself).cast("int32"),
        last=((both.start < as_of) & (both.end > as_of)).cast("int32"),
        since=ibis.ifelse(both.start < both.end, both.start, big(STILL)),
    )
    # parallel ties with the same friend are one friend
    friends = each.group_by("event", "w").aggregate(
        stands=each.stands.max(),
        organic=each.organic.max(),
        last=each["last"].max(),
        since=each.since.min(),
    )
    return friends.group_by("event").aggregate(
        m=friends.stands.sum(),
        m_star=friends.organic.sum(),
        m_final=friends["last"].sum(),
        first_mutual=friends.since.min(),
    )


def _degrees(half: Table, first: Table) -> Table:
    """How many stood in a tie with either side at the contact: event, deg_u, deg_v."""
    whole = _merged(half)
    asker = {"event": ibis.null("int64"), "side": _code(0)}
    starts = whole.select(who="x", at="start", place=_code(_STARTS), step=_code(1), **asker)
    ends = whole.filter(whole.end < big(STILL))
    ends = ends.select(who="x", at="end", place=_code(_ENDS), step=_code(-1), **asker)
    asked = {"at": "t", "place": _code(_ASKS), "step": _code(0), "event": "event"}
    of_u = first.select(who="u", **asked, side=_code(0))
    of_v = first.select(who="v", **asked, side=_code(1))
    changes = starts.union(ends, of_u, of_v)
    so_far = ibis.cumulative_window(group_by="who", order_by=["at", "place"])
    changes = changes.mutate(degree=changes.step.cast("int64").sum().over(so_far))
    probes = changes.filter(changes.event.notnull())
    return probes.group_by("event").aggregate(
        deg_u=probes.degree.max(where=probes.side == 0),
        deg_v=probes.degree.max(where=probes.side == 1),
    )


def _code(value: int) -> Any:
    return ibis.literal(value, "int8")


def _merged(half: Table) -> Table:
    """Half-ties x, w, start, end; parallel ones that overlap are one.

    Ties are open intervals: two that only touch leave the instant between them empty, and stay two.
    """
    # of equal starts the longest is all of them, and the order below is then one and the same
    h = half.group_by("x", "w", "start").aggregate(end=half.end.max())
    earlier = ibis.window(group_by=["x", "w"], order_by="start", preceding=(None, 1))
    h = h.mutate(reached=h.end.max().over(earlier))
    h = h.mutate(apart=(h.reached.isnull() | (h.start >= h.reached)).cast("int64"))
    so_far = ibis.cumulative_window(group_by=["x", "w"], order_by="start")
    h = h.mutate(part=h.apart.sum().over(so_far))
    return h.group_by("x", "w", "part").aggregate(start=h.start.min(), end=h.end.max())


def circle(ties: Table, contacts: Table, stretches: int) -> Table:
    """event, peers_0 …: how many other targets of u have, or had, a tie with the target.

    ``contacts``: event, u, v and stretch, the shortest stretch that holds the contact; both
    contacts must lie in it. Pairs (u, v) do not repeat.
    """
    half = half_ties(ties)
    half = half.filter(half.start < half.end).select("x", "w").distinct()
    c = contacts.select("event", "u", "v", "stretch")
    other = c.select(by="u", other="v", other_stretch="stretch")
    degree = half.group_by(tied="x").aggregate(degree=half.count())
    reach = c.group_by(busy="u").aggregate(reach=c.count())
    known = c.join(degree, c.v == degree.tied).join(reach, c.u == reach.busy)
    few = known.filter(known.degree <= known.reach).select(*c.columns)
    tie = half.select(holder="x", w="w")
    by_tie = few.join(tie, few.v == tie.holder)
    by_tie = by_tie.join(other, [by_tie.u == other.by, by_tie.w == other.other])
    many = known.filter(known.degree > known.reach).select(*c.columns)
    by_target = many.join(other, many.u == other.by)
    by_target = by_target.semi_join(tie, [by_target.v == tie.holder, by_target.other == tie.w])
    columns = ("event", "stretch", "other_stretch")
    both = by_tie.select(*columns).union(by_target.select(*columns))
    both = both.mutate(within=ibis.greatest(both.stretch, both.other_stretch))
    found = both.group_by(of="event").aggregate(
        **{f"peers_{place}": both.count(where=both.within <= place) for place in range(stretches)}
    )
    every = c.left_join(found, c.event == found.of)
    return every.select(
        "event",
        **{
            f"peers_{place}": every[f"peers_{place}"].fill_null(0).cast("int32")
            for place in range(stretches)
        },
    )


def neighbour_sums(ties: Table, values: Table, as_of: int, organic: bool) -> Table:
    """account, and each column of ``values`` added up over the account's neighbours at ``as_of``.

    ``values``: whole numbers, with one row an ``account``; accounts without neighbours get 0. Each
    neighbour once; with ``organic`` those with a tie that the account did not begin.
    """
    names = [name for name in values.columns if name != "account"]
    half = half_ties(ties)
    stands = (half.start < as_of) & (half.end > as_of)
    if organic:
        stands &= half.init == big(NEVER)
    near = half.filter(stands).select(neighbour_of="x", neighbour="w").distinct()
    near = near.join(values, near.neighbour == values.account)
    sums = near.group_by(owner="neighbour_of").aggregate(
        **{name: total(near[name]) for name in names}
    )
    every = values.select(member="account")
    both = every.left_join(sums, every.member == sums.owner)
    return both.select(account="member", **{name: both[name].fill_null(0) for name in names})


def tally(rows: Table, stretches: int) -> Table:
    """account and, for each other column of ``rows`` but stretch, NAME_0 …: its sums.

    Each holds the rows of its stretch and of the shorter ones before it. Where the rows have no
    stretch, NAME is the sum of all.
    """
    staged = "stretch" in rows.columns
    sums = {}
    for name in rows.columns:
        if name in ("account", "stretch"):
            continue
        whole = rows[name].cast("int64")
        if not staged:
            sums[name] = total(whole)
            continue
        for place in range(stretches):
            sums[f"{name}_{place}"] = total(whole, rows.stretch <= place)
    return rows.group_by("account").aggregate(**sums)


def busiest(rows: Table, days: tuple[int, ...], stretches: int) -> Table:
    """See ``signals.engine.windows.busiest``; ``rows`` in any order."""
    measures = {}
    for length in days:
        window = ibis.range_window(
            preceding=length * DAY, following=0, group_by="account", order_by="t"
        )
        measures[f"children_{length}"] = rows.child.cast("int64").sum().over(window)
        measures[f"known_{length}"] = rows.child.count().over(window)
    so_far = ibis.range_window(preceding=None, following=0, group_by="account", order_by="t")
    for place in range(stretches - 1):
        inside = (rows.stretch <= place).cast("int64")
        # windows that begin before the stretch are cut where it begins
        measures[f"children_since_{place}"] = (rows.child * inside).sum().over(so_far)
        measures[f"known_since_{place}"] = inside.sum().over(so_far)
    w = rows.mutate(**measures)
    columns = {}
    for place in range(stretches):
        inside = w.stretch <= place
        for length in days:
            children, known = w[f"children_{length}"], w[f"known_{length}"]
            if place < stretches - 1:
                children = ibis.least(children, w[f"children_since_{place}"])
                known = ibis.least(known, w[f"known_since_{place}"])
            packed = children.cast("int64") * PACK + (PACK - 1 - known.cast("int64"))
            columns[f"best{length}_{place}"] = packed.max(where=inside).fill_null(PACK - 1)
        columns[f"children_{place}"] = total(w.child.cast("int64"), inside)
        columns[f"known_{place}"] = total((w.t >= 0).cast("int64"), inside)
    return w.group_by("account").aggregate(**columns)
