"""The canonical tables, derived from the prepared columns by portable Ibis expressions.

Every function takes and gives table expressions; an engine materialises them in the order of
``derive``. Times are whole µs. Rows that were never recorded carry ALWAYS, ties that stand STILL.
What each table holds stands with its function. Events at equal times are simultaneous: neither is
earlier, and none is preferred by its id.
"""

from __future__ import annotations

from typing import Any

import ibis
from ibis.expr.types import Table

from signals.engine.prepare import DAY, YEAR
from signals.engine.tables import KIND, TYPE
from signals.spec import ThresholdSpec

OFFER, FOLLOW, CREATE = TYPE["Offer"], TYPE["Follow"], TYPE["Create"]
# position = code of the contact's kind, which is the code of its event type
CONTACT_KINDS = ("offer", "follow", "create")
OUTCOMES = (
    "accepted",
    "refused",
    "blocked",  # within a week of the request
    "ignored",
    "pending",
    "withdrawn",
    "followed",  # a follow that nobody needs to approve
    "none",  # a thread asks for nothing
)
OUTCOME = {name: code for code, name in enumerate(OUTCOMES)}


def big(value: int) -> Any:
    """A literal wide enough for µs."""
    return ibis.literal(value, "int64")


def of_type(events: Table, *names: str) -> Table:
    """The events of these types."""
    return events.filter(events.type.isin([TYPE[name] for name in names]))


def answers(replies: Table) -> Table:
    """Accept, Reject and Ignore by the one who was asked, beside what they answer.

    Columns: id, type, t of the answer; request, kind, u (who asked), v (who answered), requested;
    alone: nothing else names the request.
    """
    given = of_type(replies, "Accept", "Reject", "Ignore")
    given = given.filter(given.what.isin([OFFER, FOLLOW]) & (given.actor == given.asked))
    return given.select(
        "id",
        "type",
        "t",
        "alone",
        request="ref",
        kind="what",
        u="asker",
        v="asked",
        requested="asked_at",
    )


def undone(replies: Table, answers: Table) -> Table:
    """Undo events beside what their actor takes back.

    Columns: id, t; what (code of Offer, Follow, Accept or Block), x (who undoes), y (the other
    side), u (who had asked, of the Offer or Follow behind it), kind (of that request), request;
    alone: nothing else names what is taken back.
    """
    undo = of_type(replies, "Undo")
    first = undo.filter(undo.what.isin([OFFER, FOLLOW, TYPE["Block"]]) & (undo.actor == undo.asker))
    first = first.select(
        "id", "t", "what", "alone", x="asker", y="asked", u="asker", kind="what", request="ref"
    )
    accepts = answers.filter(answers.type == TYPE["Accept"]).select(
        "kind", "request", "u", target="id", what="type", x="v", y="u"
    )
    undo = undo.filter(undo.what < 0).select("id", "actor", "ref", "t", "alone")
    second = undo.join(accepts, undo.ref == accepts.target)
    second = second.filter(second.actor == second.x).select(
        "id", "t", "what", "alone", "x", "y", "u", "kind", "request"
    )
    return first.union(second)


def requests(answers: Table, undone: Table) -> Table:
    """What became of each answered or withdrawn request: request, accepted, rejected, ignored,
    withdrawn.

    Each the first such time, or null.
    """
    given = answers.select("request", "type", "t", "alone")
    back = undone.filter(undone.what.isin([OFFER, FOLLOW])).select(
        "request", type=ibis.literal(TYPE["Undo"], "int8"), t="t", alone="alone"
    )
    both = given.union(back)
    kinds = {"accepted": "Accept", "rejected": "Reject", "ignored": "Ignore", "withdrawn": "Undo"}
    one = both.filter(both.alone)
    one = one.select(
        "request",
        **{name: ibis.ifelse(one.type == TYPE[kind], one.t, None) for name, kind in kinds.items()},
    )
    several = both.filter(~both.alone)
    several = several.group_by("request").aggregate(
        **{name: several.t.min(where=several.type == TYPE[kind]) for name, kind in kinds.items()}
    )
    return one.union(several)


def pair(x: Any, y: Any) -> Any:
    """One whole number for an ordered pair of accounts (numbers below 2³¹)."""
    return x.cast("int64") * 2**31 + y.cast("int64")


def sides(pair: Any) -> tuple[Any, Any]:
    """The two accounts of a pair. Shifts, since a division would go by way of decimals."""
    return pair >> 31, pair & (2**31 - 1)


def approaches(events: Table, ties: Table) -> Table:
    """What u started towards v, family left out: id, u, v, t, kind (code)."""
    started = of_type(events, "Offer", "Follow", "Create")
    started = started.select("id", "t", u="actor", v="object", kind="type")
    family = ties.filter(ties.kind == KIND["family"])
    kin = pair(family.a, family.b), pair(family.b, family.a)
    kin = family.select(kin=kin[0]).union(family.select(kin=kin[1])).distinct()
    return started.anti_join(kin, pair(started.u, started.v) == kin.kin)


def openings(approaches: Table) -> Table:
    """The first approach of u to v, where v had not approached u before.

    Columns: u, v, t, kind (code), event. Of simultaneous approaches the request counts, then the
    follow, then the thread. The event is null where u approached v more than once: see
    ``first_contacts``.
    """
    a = approaches.select(
        "id",
        pair=pair(approaches.u, approaches.v),
        order=approaches.t * 4 + approaches.kind,
    )
    first = a.group_by("pair").aggregate(order=a.order.min(), event=a.id.min(), times=a.count())
    u, v = sides(first.pair)
    first = first.mutate(u=u, v=v)
    back = first.select(reverse=pair(first.v, first.u), earlier="order")
    first = first.left_join(back, first.pair == back.reverse)
    first = first.filter(first.earlier.isnull() | (first.earlier >> 2 >= first.order >> 2))
    return first.select(
        u=first.u.cast("int32"),
        v=first.v.cast("int32"),
        t=first.order >> 2,
        kind=(first.order & 3).cast("int8"),
        event=ibis.ifelse(first.times == 1, first.event, ibis.null("int64")),
    )


def first_contacts(openings: Table, approaches: Table, requests: Table) -> Table:
    """The openings with their event and what became of it (see ``requests``).

    Where the same approach stands several times at the same instant, there are several rows; see
    ``one_row_each``.
    """
    several = openings.filter(openings.event.isnull())
    named = approaches.select("id", x="u", y="v", at="t", of="kind")
    several = several.join(
        named,
        [
            several.u == named.x,
            several.v == named.y,
            several.t == named["at"],
            several.kind == named.of,
        ],
    ).select("u", "v", "t", "kind", event="id")
    first = openings.filter(openings.event.notnull()).union(several)
    return first.left_join(requests, first.event == requests.request).drop("request")


def one_row_each(first: Table) -> Table:
    """Simultaneous approaches of the same kind are one: each outcome the first of all."""
    return first.group_by("u", "v", "t", "kind").aggregate(
        event=first.event.min(),
        **{name: first[name].min() for name in ("accepted", "rejected", "ignored", "withdrawn")},
    )


def safety(events: Table, answers: Table, requests: Table, undone: Table) -> Table:
    """What was done about somebody: id, kind, actor, object, t.

    kind: block report reject ignore unfriend withdraw unblock. withdraw: the asker takes back a
    request that was not accepted; unfriend: somebody ends a tie.
    """
    plain = of_type(events, "Block", "Flag", "Remove")
    plain = plain.select(
        "id",
        kind=ibis.cases(
            (plain.type == TYPE["Block"], "block"),
            (plain.type == TYPE["Flag"], "report"),
            else_="unfriend",
        ),
        actor=plain.actor,
        object=plain.object,
        t=plain.t,
    )
    answered = answers.filter(answers.type != TYPE["Accept"])
    answered = answered.select(
        "id",
        kind=ibis.ifelse(answered.type == TYPE["Reject"], "reject", "ignore"),
        actor="v",
        object="u",
        t="t",
    )
    outcome = requests.select(asked="request", accepted="accepted")
    known = undone.left_join(outcome, undone.request == outcome.asked)
    taken = known.select(
        "id",
        kind=ibis.cases(
            (known.what == TYPE["Block"], "unblock"),
            (known.what == TYPE["Accept"], "unfriend"),
            (known.accepted <= known.t, "unfriend"),
            else_="withdraw",
        ),
        actor="x",
        object="y",
        t="t",
    )
    return plain.union(answered).union(taken)


def _age_at(account: Any, prefix: str, t: Any) -> Any:
    moving = (t - account[f"{prefix}born"]).cast("float64") / YEAR
    return account[f"{prefix}fixed_age"].fill_null(moving)


def contacts(
    facts: Table,
    accounts: Table,
    safety: Table,
    answers: Table,
    spec: ThresholdSpec,
    as_of: int,
) -> Table:
    """First contacts with what the indicators read about each.

    event, u, v, t, kind (code); stretch: position of the shortest stretch that holds it, their
    number if none does; own: u was no child by verified age; weight: 3 under 13, 2 under 16, 1
    under 18, 0 grown up, null unknown; gap: years that u is older, null unknown; elder: that is at
    least the set's ``age_gap``, or unknown; outcome (code); accepted_at: when the request was
    accepted, also where a block followed; m, m_star, deg_v; stood: the first friend in common was
    there for some time (the set's ``same_time_days``).
    """
    about_u = accounts.select(
        u="account",
        u_born="born",
        u_fixed_age="fixed_age",
        child_until=ibis.ifelse(accounts.verified, accounts.until_18, ibis.null("int64")),
    )
    about_v = accounts.select(
        v="account",
        v_born="born",
        v_fixed_age="fixed_age",
        until_13="until_13",
        until_16="until_16",
        until_18="until_18",
    )
    c = facts.join(about_u, "u").join(about_v, "v")
    blocks = safety.filter(safety.kind == "block").select(x="object", y="actor", at="t")
    near = facts.select("event", "u", "v", "t").join(
        blocks,
        [
            facts.u == blocks.x,
            facts.v == blocks.y,
            blocks["at"] >= facts.t,
            blocks["at"] <= facts.t + spec.block_days * DAY,
        ],
    )
    near = near.group_by("event").aggregate(blocked=near["at"].min())
    near = near.select(blocked_event="event", blocked="blocked")
    c = c.left_join(near, c.event == near.blocked_event)
    approving = answers.filter(answers.kind == FOLLOW).select(approver="v").distinct()
    c = c.left_join(approving, c.v == approving.approver)
    accepted = c.accepted.notnull() & (c.rejected.isnull() | (c.accepted <= c.rejected))
    outcome = ibis.cases(
        (c.kind == CREATE, OUTCOME["none"]),
        (c.blocked.notnull(), OUTCOME["blocked"]),
        (accepted, OUTCOME["accepted"]),
        (c.rejected.notnull(), OUTCOME["refused"]),
        (c.ignored.notnull(), OUTCOME["ignored"]),
        (c.withdrawn.notnull(), OUTCOME["withdrawn"]),
        (c.t > as_of - spec.pending_days * DAY, OUTCOME["pending"]),
        ((c.kind == FOLLOW) & c.approver.isnull(), OUTCOME["followed"]),
        else_=OUTCOME["ignored"],
    ).cast("int8")
    gap = _age_at(c, "u_", c.t) - _age_at(c, "v_", c.t)
    days = enumerate(spec.stretches)
    return c.select(
        "event",
        "u",
        "v",
        "t",
        "kind",
        "m",
        "m_star",
        "deg_v",
        stood=c.first_mutual <= c.t - spec.same_time_days * DAY,
        stretch=ibis.cases(
            *((c.t >= as_of - length * DAY, place) for place, length in days),
            else_=len(spec.stretches),
        ).cast("int8"),
        own=~(c.t < c.child_until).fill_null(False),
        weight=ibis.cases(
            (c.until_18.isnull(), ibis.null("int8")),
            (c.t < c.until_13, 3),
            (c.t < c.until_16, 2),
            (c.t < c.until_18, 1),
            else_=0,
        ).cast("int8"),
        gap=gap.cast("float32"),
        elder=(gap >= spec.age_gap).fill_null(True),
        outcome=outcome,
        accepted_at=ibis.ifelse(accepted & (c.kind != CREATE), c.accepted, ibis.null("int64")),
    )
