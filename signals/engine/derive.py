"""The order in which the canonical tables come into being, on whichever engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from ibis.expr.types import Table
from numpy.typing import NDArray

from signals.engine import canonical, canonical_ties
from signals.engine.communities import text_keys
from signals.engine.prepare import Prepared
from signals.engine.priors import Frozen, Priors, Recorder
from signals.indicators.base import Tables
from signals.spec import ThresholdSpec

FACT_COLUMNS = (
    "event", "u", "v", "t", "kind", "m", "m_star", "m_final", "deg_u", "deg_v", "first_mutual",
)  # fmt: skip

THREADS_RECORDED = 0.02  # private threads to a first contact, where a platform has any


class Backend(Protocol):
    """What an engine does: hold tables by name, evaluate expressions, compute contact facts."""

    name: str

    def load(self, name: str, table: pa.Table) -> Table:
        """Make an Arrow table known by name."""

    def materialise(self, name: str, expression: Table) -> Table:
        """Evaluate an expression into a table of that name."""

    def drop(self, *names: str) -> None:
        """Forget tables."""

    def fetch(self, expression: Table) -> pa.Table:
        """Evaluate an expression; rows in no particular order."""

    def pieces(self, expression: Table) -> Iterator[pa.RecordBatch]:
        """Evaluate an expression, so that memory holds a piece of the rows at a time."""

    def last(self, name: str) -> Iterator[pa.RecordBatch]:
        """The rows of a table, piece by piece; nothing else is asked for after it."""

    def facts(self, ties: Table, first: Table, prepared: Prepared, organic_days: int) -> Table:
        """``first`` with m, m_star, m_final, deg_u, deg_v and first_mutual (µs) beside it."""

    def narrow(self, name: str, columns: Sequence[str]) -> Table:
        """The table of facts with only these columns, the others forgotten."""

    def neighbour_sums(
        self, ties: Table, name: str, values: pa.Table, prepared: Prepared, organic: bool
    ) -> Table:
        """account and, for each column of ``values`` (a row an account), its sum over neighbours.

        Neighbours at the run, each once; with ``organic`` those whom the account did not approach.
        """

    def communities(self, ties: Table, prepared: Prepared) -> Table:
        """account, community: a number that only its members share."""

    def circle(self, ties: Table, contacts: Table, prepared: Prepared, stretches: int) -> Table:
        """event, peers_0 …: how many other targets of u have a tie with the target, by stretch."""

    def add_up(self, name: str, rows: Table, prepared: Prepared, stretches: int) -> Table:
        """Sums by account over each stretch, see ``Tables.tally``; known by name until dropped."""

    def busiest(self, name: str, rows: Table, days: tuple[int, ...], stretches: int) -> Table:
        """Busiest windows, see ``signals.engine.windows``; known by name until dropped."""


def columns(table: pa.Table) -> dict[str, NDArray[Any]]:
    """Columns of an Arrow table as numpy arrays, by name."""
    return {name: table[name].to_numpy() for name in table.column_names}


def derive(
    backend: Backend,
    prepared: Prepared,
    spec: ThresholdSpec,
    done: Callable[[str], None],
    priors: Priors | None = None,
) -> Tables:
    """Load the prepared columns and materialise the canonical tables.

    ``done`` is called with "load" and "contact_facts" when those stages end. ``priors``: what is
    found is kept there, or taken from there.
    """
    priors = priors or Priors()
    keep = backend.materialise
    # a table of the engine's own: joins are planned by how many there are
    accounts = keep("people", backend.load("accounts", prepared.accounts))
    stated = backend.load("stated_ties", prepared.ties)
    events = backend.load("events", prepared.events)
    replies = backend.load("replies", prepared.replies)
    answers = keep("answers", canonical.answers(replies))
    undone = keep("undone", canonical.undone(replies, answers))
    backend.drop("replies")
    prepared.forget("replies")
    requests = keep("requests", canonical.requests(answers, undone))
    approaches = keep("approaches", canonical.approaches(events, stated))
    openings = keep("openings", canonical.openings(approaches))
    friends = keep("friends", canonical_ties.friend_ties(stated, events, answers, undone, openings))
    every = keep("every_follow", canonical_ties.follows(stated, events, answers, requests, undone))
    follows = keep("follows", canonical_ties.without_repeats(every))
    backend.drop("every_follow")
    mutual = canonical_ties.mutual_follows(follows)
    ties = keep("ties", canonical_ties.canonical_ties(friends, mutual))
    backend.drop("friends", "follows")
    safety = keep("safety", canonical.safety(events, answers, requests, undone))
    backend.drop("events", "stated_ties")
    prepared.forget("events", "ties")
    first = keep("first", canonical.first_contacts(openings, approaches, requests))
    if _rows(backend, first) > _rows(backend, openings):
        first = keep("first_once", canonical.one_row_each(first))
    done("load")
    backend.drop("openings")
    facts = backend.facts(ties, first, prepared, spec.organic_days)
    backend.drop("first", "first_once")
    done("contact_facts")
    contacts = keep(
        "contacts",
        canonical.contacts(facts, accounts, safety, answers, spec, prepared.as_of),
    )
    backend.drop("answers", "undone")
    facts = backend.narrow("facts", FACT_COLUMNS)
    kept: dict[str, Any] = {}

    def once_of(name: str, make: Callable[[], Any]) -> Any:
        if name not in kept:
            kept[name] = make()
        return kept[name]

    def forget(name: str) -> None:
        kept.pop(name, None)
        backend.drop(name)

    return Tables(
        accounts=accounts,
        ties=ties,
        contacts=contacts,
        safety=safety,
        approaches=approaches,
        requests=requests,
        facts=facts,
        communities=lambda: once_of(
            "communities", lambda: _communities(backend, ties, prepared, priors)
        ),
        circle=lambda chosen: once_of(
            "circle",
            lambda: backend.circle(ties, chosen, prepared, len(spec.stretches)),
        ),
        add_up=lambda name, rows: backend.add_up(name, rows, prepared, len(spec.stretches)),
        busiest_of=lambda name, rows, days: backend.busiest(name, rows, days, len(spec.stretches)),
        load=backend.load,
        neighbour_sums=lambda name, values, organic: backend.neighbour_sums(
            ties, name, values, prepared, organic
        ),
        drop=forget,
        once=once_of,
        prepared=prepared,
        spec=spec,
        as_of=prepared.as_of,
        ask=lambda expression: columns(backend.fetch(expression)),
        pieces=backend.pieces,
        keep=lambda name, expression: once_of(name, lambda: keep(name, expression)),
        priors=priors,
    )


def _communities(backend: Backend, ties: Table, prepared: Prepared, priors: Priors) -> Table:
    """account, community: found now, or as they were."""
    texts = text_keys(prepared.accounts["community"])
    numbers = np.arange(prepared.count, dtype=np.int32)
    if isinstance(priors, Frozen):
        found = pa.table({"account": numbers, "community": priors.communities(texts)})
        return backend.load("communities", found)
    expression = backend.communities(ties, prepared)
    if not isinstance(priors, Recorder):
        return expression
    rows = columns(backend.fetch(expression.order_by("account")))
    priors.keep("communities", lambda: [rows])
    named = np.flatnonzero(texts)
    keys, first = np.unique(texts[named], return_index=True)
    priors.note("community_keys", keys)
    priors.note("community_labels", rows["community"][named[first]])
    return expression


def _rows(backend: Backend, table: Table) -> int:
    return int(backend.fetch(table.count().name("rows").as_table())["rows"][0].as_py())


def activity(tables: Tables, accounts: int) -> NDArray[np.int64]:
    """Numbers of first contacts of any kind: (stretch, account)."""
    from signals.indicators.base import by_stretch

    found = tables.answer(
        "activity",
        lambda: by_stretch(tables, tables.contacts, "u", n=tables.contacts.m >= 0),
    )
    result = np.zeros((len(tables.spec.stretches), accounts), np.int64)
    for place in range(len(result)):
        result[place, found["account"]] = found[f"n_{place}"]
    return result


def child_share(tables: Tables) -> float:
    """The share of children among contacted people of known age."""
    c = tables.contacts
    found = tables.ask(
        c.aggregate(
            children=(c.weight > 0).cast("int64").sum().fill_null(0),
            known=c.weight.count(),
        )
    )
    return (float(found["children"][0]) + 1.0) / (float(found["known"][0]) + 4.0)


def threads_recorded(tables: Tables) -> bool:
    """Whether the platform records private threads: at least so many to a first contact."""
    threads = tables.approaches.filter(tables.approaches.kind == canonical.CREATE)
    found = tables.ask(threads.aggregate(threads=threads.count()))
    contacts = tables.ask(tables.facts.aggregate(contacts=tables.facts.count()))
    return int(found["threads"][0]) >= THREADS_RECORDED * max(int(contacts["contacts"][0]), 1)
