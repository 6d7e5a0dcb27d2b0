"""The snapshot reads what is resolved, as of one instant, and nothing else."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Account
from signals import hooks, lanes, snapshot
from tests.signals.graphs import Graph, day

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def graph() -> Graph:
    made = Graph()
    for name in ("ann", "bob", "cat"):
        made.account(name, region="GB", community="")
    return made


def ids(table: object, column: str = "id") -> set[int]:
    return set(table.column(column).to_pylist())  # type: ignore[attr-defined]


def test_everything_resolved_is_read(graph: Graph) -> None:
    graph.tie("ann", "bob", since=1, until=None)
    offer = graph.event("Offer", "ann", "cat", on=2)
    accept = graph.event("Accept", "cat", offer, on=3)
    taken = snapshot.take().graph
    assert taken.accounts.num_rows == 3
    assert taken.ties.to_pylist() == [
        {
            "a": graph.accounts["ann"].pk,
            "b": graph.accounts["bob"].pk,
            "kind": "friend",
            "since": day(1),
            "until": None,
        }
    ]
    assert ids(taken.events) == {offer.pk, accept.pk}
    assert taken.events.column("ref").to_pylist() == [None, offer.pk]
    # An empty text is nothing known, never a community of its own.
    assert set(taken.accounts.column("community").to_pylist()) == {None}
    assert set(taken.accounts.column("region").to_pylist()) == {"GB"}


def test_what_names_an_account_that_has_not_arrived_waits(graph: Graph) -> None:
    graph.account("dan", provisional=True)
    graph.tie("ann", "dan")
    offer = graph.event("Offer", "ann", "dan", on=1)
    graph.event("Accept", "dan", offer, on=2)
    undo = graph.event("Undo", "ann", offer, on=3)
    graph.event("Undo", "ann", undo, on=4)
    kept = graph.event("Create", "ann", "bob", on=5)
    taken = snapshot.take().graph
    assert taken.accounts.num_rows == 3
    assert taken.ties.num_rows == 0
    # The withdrawal names a request that is not there, and its own withdrawal names that.
    assert ids(taken.events) == {kept.pk}

    Account.objects.filter(account_id="dan").update(provisional=False)
    assert snapshot.take().graph.events.num_rows == 5


def test_an_outcome_of_an_event_that_has_not_arrived_waits(graph: Graph) -> None:
    graph.event("Accept", "bob", None, on=1, reference="not here yet")
    assert snapshot.take().graph.events.num_rows == 0


def test_rows_of_an_erased_account_do_not_count(graph: Graph) -> None:
    graph.tie("ann", "bob")
    graph.event("Offer", "bob", "cat", on=1)
    kept = graph.event("Offer", "ann", "cat", on=1)
    graph.accounts["bob"].delete()
    taken = snapshot.take().graph
    assert taken.ties.num_rows == 0
    assert ids(taken.events) == {kept.pk}


def test_deleted_and_suspended_accounts_take_part(graph: Graph) -> None:
    Account.objects.filter(account_id="bob").update(status="deleted")
    Account.objects.filter(account_id="cat").update(status="suspended")
    graph.tie("ann", "bob")
    graph.event("Offer", "cat", "bob", on=1)
    taken = snapshot.take().graph
    assert (taken.accounts.num_rows, taken.ties.num_rows, taken.events.num_rows) == (3, 1, 1)


def test_as_of_leaves_out_what_came_later(graph: Graph) -> None:
    graph.tie("ann", "bob", since=1, until=5)
    graph.tie("ann", "cat", since=4)
    before = graph.event("Offer", "ann", "cat", on=3)
    graph.event("Accept", "cat", before, on=4)
    graph.event("Offer", "bob", "cat", on=4.5)

    taken = snapshot.take(as_of=day(4)).graph

    assert ids(taken.events) == {before.pk}
    # The first tie's end was not known on day 4; the second tie was not there before it.
    assert [(row["since"], row["until"]) for row in taken.ties.to_pylist()] == [(day(1), None)]
    assert snapshot.take(as_of=day(6)).graph.ties.column("until").to_pylist() == [day(5), None]


def test_as_of_needs_an_offset() -> None:
    with pytest.raises(ValueError, match="time zone"):
        snapshot.take(as_of=datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake under test


def test_decisions_of_higher_floors_are_given_to_the_engine(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = graph.accounts["ann"].pk, graph.accounts["bob"].pk
    monkeypatch.setattr(hooks, "_labels", [])
    monkeypatch.setattr(hooks, "_exemptions", [])
    hooks.provide_labels(
        lambda: [
            hooks.Label(ann, day(1), "confirmed"),
            hooks.Label(bob, day(3), "dismissed", "family"),
        ]
    )
    hooks.provide_exemptions(lambda: [hooks.Exemption(bob)])
    assert snapshot.take(as_of=day(2)).graph.labels.to_pylist() == [
        {"account": ann, "decided_at": day(1), "outcome": "confirmed", "reason": None}
    ]
    taken = snapshot.take().graph
    assert ids(taken.labels, "account") == {ann, bob}
    assert taken.exemptions.to_pylist() == [{"account": bob, "until": None}]


def test_an_import_beside_the_snapshot_is_not_half_seen(graph: Graph) -> None:
    """Accounts are read first, events last: what is committed in between must not appear."""
    offer = graph.event("Offer", "ann", "bob", on=1)
    told: list[float] = []

    def import_more(share: float) -> None:
        if not told:
            graph.account("eve")
            graph.event("Offer", "eve", "bob", on=2)
            graph.event("Offer", "ann", "cat", on=2)
        told.append(share)

    taken = snapshot.take(progress=import_more).graph
    assert taken.accounts.num_rows == 3
    assert ids(taken.events) == {offer.pk}
    assert told == sorted(told)
    assert snapshot.take().graph.events.num_rows == 3


@given(
    known=st.sets(st.integers(0, 60) | st.integers(10**9, 10**9 + 60) | st.integers(0, 2**62)),
    asked=st.lists(st.integers(0, 70) | st.integers(10**9, 10**9 + 70) | st.integers(0, 2**62)),
)
def test_a_set_of_ids_answers_like_a_set(known: set[int], asked: list[int]) -> None:
    members = snapshot.Ids(np.array(list(known), dtype=np.int64))
    answers = members.has(np.array(asked, dtype=np.int64))
    assert answers.tolist() == [value in known for value in asked]


def test_tables_of_many_pages_are_read_once_by_all_lanes(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each lane takes the next pages; together they read every row once, in its place."""
    monkeypatch.setattr(lanes, "RANGE_BYTES", 1)
    made = [graph.event("Create", "ann", "bob", on=1 + n / 100).pk for n in range(400)]
    taken = snapshot.take().graph.events
    assert taken.column("id").to_pylist() == made
    assert taken.column("published").to_pylist()[-1] == day(1 + 399 / 100)


def test_what_ends_the_reading_ends_all_lanes(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "RANGE_BYTES", 1)
    for n in range(200):
        graph.event("Create", "ann", "bob", on=1 + n / 100)

    told: list[float] = []

    def stop(share: float) -> None:
        told.append(share)
        if len(told) > 1:  # the first is about the accounts, which one connection reads
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        snapshot.take(progress=stop)
    monkeypatch.setattr(snapshot, "_events", lambda rows, known: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        snapshot.take()
