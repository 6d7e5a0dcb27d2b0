"""The canonical ties: friends and mutual follows, each with the time in which it stood.

Further tables of ``signals.engine.canonical``, whose words hold here too.
"""

from __future__ import annotations

from typing import Any

import ibis
from ibis.expr.types import Table

from signals.engine.canonical import CREATE, FOLLOW, OFFER, big, of_type, pair, sides
from signals.engine.kernels import ALWAYS, NEVER, STILL
from signals.engine.tables import KIND, TYPE


def _with_ends(starts: Table, ends: Table) -> Table:
    """Close each start (pair, start, until, …) at the first end of its pair at or after it."""
    at = ends.select(ended="pair", end="t").distinct()
    one_before = ibis.window(group_by="ended", order_by="end")
    # Each end closes what began after the end before it: one end at most for each start.
    at = at.mutate(after=at.end.lag().over(one_before).fill_null(big(ALWAYS - 1)))
    at = at.rename(closed="end")
    both = starts.left_join(
        at, [starts.pair == at.ended, starts.start > at.after, starts.start <= at.closed]
    )
    both = both.mutate(end=ibis.least(both.until, both.closed.fill_null(big(STILL))))
    return both.filter(both.start < both.end).drop("closed", "until", "ended", "after")


def _sorted_pair(x: Any, y: Any) -> Any:
    return pair(ibis.least(x, y), ibis.greatest(x, y))


def _dated(stated: Table, asked: Table, granted: Table, ends: Table) -> Table:
    """Stated ties (pair, start, until), where those without a start begin with their request.

    Nobody asks for what there is: of a pair with a request in the events, a tie without a start is
    no older than the first request that was granted, else than the first. Where the pair had come
    apart before it asked, or the tie was over by then, there was an earlier tie, and nothing is
    known about its start.
    ``asked``, ``granted``, ``ends``: pair, t.
    """
    undated = stated.filter(stated.start == ALWAYS)
    # narrowed first: where ties are dated, nothing is left to group
    asked, granted, ends = (
        events.semi_join(undated, events.pair == undated.pair) for events in (asked, granted, ends)
    )
    first = asked.group_by(asking="pair").aggregate(asked_at=asked.t.min())
    given = granted.group_by(granting="pair").aggregate(granted_at=granted.t.min())
    apart = ends.group_by(parted="pair").aggregate(apart_at=ends.t.min())
    begun = first.left_join(given, first.asking == given.granting)
    begun = begun.left_join(apart, begun.asking == apart.parted)
    begun = begun.filter(begun.apart_at.isnull() | (begun.apart_at >= begun.asked_at))
    begun = begun.select("asking", begins=begun.granted_at.fill_null(begun.asked_at))
    both = undated.left_join(begun, [undated.pair == begun.asking, undated.until > begun.begins])
    both = both.select("pair", start=both.begins.fill_null(both.start), until="until")
    return stated.filter(stated.start != ALWAYS).union(both)


def _friend_ends(events: Table, answers: Table, undone: Table) -> Table:
    """What ends friend ties: pair, t.

    An offer that is withdrawn or rejected ends a tie only where it had been accepted: of two that
    cross, one makes the tie, and what becomes of the other means nothing.
    """
    removed = of_type(events, "Remove").select(x="actor", y="object", t="t")
    taken = undone.filter((undone.kind == OFFER) & (undone.what == TYPE["Accept"]))
    # what was accepted and then withdrawn or rejected is named twice at least
    withdrawn = undone.filter((undone.what == OFFER) & ~undone.alone)
    rejected = answers.filter((answers.type == TYPE["Reject"]) & (answers.kind == OFFER))
    rejected = rejected.filter(~rejected.alone).select("request", "t", x="u", y="v")
    later = withdrawn.select("request", "t", "x", "y").union(rejected)
    accepts = answers.filter((answers.type == TYPE["Accept"]) & ~answers.alone)
    accepts = accepts.select(granted="request", granted_at="t")
    later = later.semi_join(
        accepts, [later.request == accepts.granted, later.t >= accepts.granted_at]
    )
    ends = removed.union(taken.select("x", "y", "t")).union(later.select("x", "y", "t"))
    return ends.select(pair=_sorted_pair(ends.x, ends.y), t=ends.t)


def friend_ties(
    ties: Table, events: Table, answers: Table, undone: Table, openings: Table
) -> Table:
    """Friend ties: pair (a < b), start, end, by (0 nobody known, 1 a, 2 b), init (when they began).

    A stated tie counts as begun by who asked for what was accepted last before it; where nothing
    was, by whoever first asked the other. An accepted offer by who offered.
    """
    accepts = answers.filter((answers.type == TYPE["Accept"]) & (answers.kind == OFFER))
    ends = _friend_ends(events, answers, undone)
    stated = ties.filter(ties.kind == KIND["friend"])
    stated = stated.select(pair=_sorted_pair(stated.a, stated.b), start="since", until="until")
    offers = of_type(events, "Offer")
    offers = offers.select(pair=_sorted_pair(offers.actor, offers.object), t="t")
    granted = accepts.select(pair=_sorted_pair(accepts.u, accepts.v), t="t")
    stated = _dated(stated, offers, granted, ends)
    asked = openings.filter(openings.kind != CREATE)
    asked = asked.select(
        asked=_sorted_pair(asked.u, asked.v),
        by=ibis.ifelse(asked.u < asked.v, 1, 2).cast("int8"),
        init=asked.t,
    )
    # Most ties are older than every request.
    earliest = asked.init.min().as_scalar().fill_null(big(STILL))
    older = stated.filter(stated.start < earliest).mutate(
        by=ibis.literal(0, "int8"), init=big(NEVER)
    )
    known = stated.filter(stated.start >= earliest)
    known = known.left_join(asked, [known.pair == asked.asked, known.start >= asked.init])
    known = known.select(
        "pair",
        "start",
        "until",
        by=known.by.fill_null(0).cast("int8"),
        init=known.init.fill_null(big(NEVER)),
    )
    accepted = accepts.select(
        pair=_sorted_pair(accepts.u, accepts.v),
        start=accepts.t,
        until=big(STILL),
        by=ibis.ifelse(accepts.u < accepts.v, 1, 2).cast("int8"),
        init=accepts.requested,
    )
    return _with_ends(older.union(_as_accepted(known, accepted), accepted), ends)


def _as_accepted(stated: Table, accepted: Table) -> Table:
    """Stated ties (as ``friend_ties``), begun as the offer was that was accepted last before them.

    Of several at the same instant the earliest offer counts.
    """
    begun = accepted.select(made="pair", made_at="start", how=accepted.init * 4 + accepted.by)
    begun = stated.select("pair", "start").distinct().join(begun, stated.pair == begun.made)
    begun = begun.filter(begun.made_at <= begun.start)
    last = begun.group_by(same="pair", begin="start").aggregate(last=begun.made_at.max())
    begun = begun.join(
        last, [begun.pair == last.same, begun.start == last.begin, begun.made_at == last["last"]]
    )
    begun = begun.group_by(same="pair", begin="start").aggregate(how=begun.how.min())
    both = stated.left_join(begun, [stated.pair == begun.same, stated.start == begun.begin])
    return both.select(
        "pair",
        "start",
        "until",
        by=(both.how & 3).fill_null(both.by).cast("int8"),
        init=(both.how >> 2).fill_null(both.init),
    )


def follows(ties: Table, events: Table, answers: Table, requests: Table, undone: Table) -> Table:
    """u follows v: pair (u, v), start, end, published (when u asked to). Repeats are in it."""
    stated = ties.filter(ties.kind == KIND["follow"])
    stated = stated.select(pair=pair(stated.a, stated.b), start="since", until="until")
    asked = of_type(events, "Follow").select("id", "actor", "object", published="t")
    known = asked.left_join(requests, asked.id == requests.request)
    # what somebody was asked to approve, and did not, is no follow
    approving = answers.filter(answers.kind == FOLLOW).select(approver="v").distinct()
    known = known.left_join(approving, known.object == approving.approver)
    declined = known.rejected.notnull() | known.ignored.notnull() | known.approver.notnull()
    known = known.filter(known.accepted.notnull() | ~declined)
    begun = known.select(
        pair=pair(known.actor, known.object),
        start=known.accepted.fill_null(known.published),
        until=big(STILL),
        published=known.published,
    )
    removed = of_type(events, "Remove").select(u="actor", v="object", t="t")
    both = removed.union(removed.select(u="v", v="u", t="t"))
    taken = undone.filter((undone.kind == FOLLOW) & (undone.what != TYPE["Block"]))
    taken = taken.select(u="u", v=ibis.ifelse(taken.x == taken.u, taken.y, taken.x), t=taken.t)
    refused = answers.filter((answers.type == TYPE["Reject"]) & (answers.kind == FOLLOW))
    ends = both.union(taken).union(refused.select("u", "v", "t"))
    ends = ends.select(pair=pair(ends.u, ends.v), t=ends.t)
    requested = asked.select(pair=pair(asked.actor, asked.object), t="published")
    stated = _dated(stated, requested, begun.select("pair", t="start"), ends)
    stated = stated.mutate(published=stated.start).select(*begun.columns)
    return _with_ends(stated.union(begun), ends)


def without_repeats(follows: Table) -> Table:
    """Leave out follows that were asked for and granted no earlier than another with that end.

    Of follows of one pair that end together, one granted later adds time to none, and says who
    began only when it was asked for earlier; then it does so from when it was granted.
    """
    alike = follows.group_by("pair", "end").aggregate(
        start=follows.start.min(), published=follows.published.min(), times=follows.count()
    )
    columns = "pair", "start", "end", "published"
    many = alike.filter(alike.times > 1).select(one="pair", ended="end")
    several = follows.semi_join(many, [follows.pair == many.one, follows.end == many.ended])
    earlier = ibis.window(
        group_by=["pair", "end"], order_by=["start", "published"], preceding=(None, 1)
    )
    several = several.mutate(asked=several.published.min().over(earlier))
    several = several.filter(several.asked.isnull() | (several.published < several.asked))
    return alike.filter(alike.times == 1).select(*columns).union(several.select(*columns))


def mutual_follows(follows: Table) -> Table:
    """Mutual follows as ties: pair (a < b), start, end, by, init. Begun by who followed first."""
    follower, followed = sides(follows.pair)
    turned = pair(followed, follower)
    one = follows.filter(follows.pair < turned)
    other = follows.filter(follows.pair > turned).select(
        turned=turned, s="start", e="end", p="published"
    )
    both = one.join(other, one.pair == other.turned)
    both = both.select(
        "pair",
        start=ibis.greatest(both.start, both.s),
        by=ibis.cases((both.published < both.p, 1), (both.published > both.p, 2), else_=0).cast(
            "int8"
        ),
        init=ibis.ifelse(both.published == both.p, big(NEVER), ibis.least(both.published, both.p)),
        end=ibis.least(both.end, both.e),
    )
    return both.filter(both.start < both.end)


def canonical_ties(friend_ties: Table, mutual_follows: Table) -> Table:
    """Friends and mutual follows: a, b, start, end, init_a, init_b (NEVER: that side did not)."""
    columns = ["pair", "start", "end", "init"]
    all_ = friend_ties.select(*columns, by=friend_ties.by.cast("int8")).union(
        mutual_follows.select(*columns, by=mutual_follows.by.cast("int8"))
    )
    a, b = sides(all_.pair)
    return all_.select(
        a=a.cast("int32"),
        b=b.cast("int32"),
        start=all_.start,
        end=all_.end,
        init_a=ibis.ifelse(all_.by == 1, all_.init, big(NEVER)),
        init_b=ibis.ifelse(all_.by == 2, all_.init, big(NEVER)),
    )
