"""What is nobody's approach to a child, or no return to one: each beside what is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from signals.engine.run import run
from signals.engine.tables import ACCOUNTS, TIES, RawGraph
from signals.spec import ThresholdSpec
from tests.signals.engine.graphs import Row, events_of

AT = datetime(2026, 6, 1, tzinfo=UTC)
SPEC = ThresholdSpec()
CHILDREN = (1, 2, 3, 4)


def graph(rows: list[Row], ties: list[dict[str, Any]] | None = None, **me: Any) -> RawGraph:
    """Account 0 (``me``, else a grown-up) and four children of 14; ``rows``: days before AT."""
    people = [{"id": 0, **(me or {"birth_year": 1985})}]
    people += [{"id": child, "birth_year": 2012} for child in CHILDREN]
    people += [{"id": other, "birth_year": 1990} for other in (5, 6)]
    return RawGraph(
        accounts=pa.Table.from_pylist(people, schema=ACCOUNTS),
        ties=pa.Table.from_pylist(ties or [], schema=TIES),
        events=events_of(rows, lambda days: AT - timedelta(days=days)),
    )


def assessed(of: RawGraph, key: str) -> tuple[float, float] | None:
    """k and n of account 0."""
    found = run(of, SPEC, as_of=AT).scores.to_pylist()
    mine = [row for row in found if row["account"] == 0 and row[f"{key}_k"] is not None]
    return (mine[0][f"{key}_k"], mine[0][f"{key}_n"]) if mine else None


def refused_and_again(before: float, after: float) -> list[Row]:
    rows: list[Row] = []
    for child in CHILDREN:
        rows += [("Offer", 0, child, before), ("Reject", child, len(rows), before - 1)]
        rows += [("Offer", 0, child, after)]
    return rows


@pytest.mark.parametrize(
    ("me", "expected"),
    [
        ({"birth_year": 1985}, (4.0, 4.0)),
        ({"birth_year": 2011, "age_source": "self_declared"}, (4.0, 4.0)),
        ({"birth_year": 2011, "age_source": "verified"}, None),
    ],
)
def test_what_a_child_by_verified_age_did_is_no_return(
    me: dict[str, Any], expected: tuple[float, float] | None
) -> None:
    assert assessed(graph(refused_and_again(60, 30), **me), "persists") == expected


@pytest.mark.parametrize("kind", ["family", "friend"])
def test_writing_to_ones_family_counts_for_nothing(kind: str) -> None:
    ties = [{"a": 0, "b": child, "kind": kind} for child in CHILDREN]
    rows: list[Row] = [("Create", 0, child, 90) for child in CHILDREN]
    rows += [("Block", child, 0, 60) for child in CHILDREN]
    rows += [("Create", 0, child, 30) for child in CHILDREN]
    expected = (4.0, 4.0) if kind == "friend" else None
    assert assessed(graph(rows, ties), "private_threads") == expected
    assert assessed(graph(rows, ties), "persists") == expected


@pytest.mark.parametrize(("met", "expected"), [(True, (4.0, 4.0)), (False, None)])
def test_nobody_comes_back_to_whom_they_never_met(
    met: bool, expected: tuple[float, float] | None
) -> None:
    rows: list[Row] = [("Create", child, 0, 90) for child in CHILDREN if met]
    rows += [("Block", child, 0, 60) for child in CHILDREN]
    rows += [("Create", 0, child, 30) for child in CHILDREN]
    assert assessed(graph(rows), "persists") == expected


def test_the_first_thread_is_named_whichever_was_imported_first() -> None:
    rows: list[Row] = [("Create", 0, child, 10) for child in CHILDREN]
    rows += [("Create", 0, child, 50) for child in CHILDREN]
    found = run(graph(rows), SPEC, as_of=AT, explain=[0]).evidence.to_pylist()
    shown = {row["event"]: row["at"] for row in found if row["indicator"] == "private_threads"}
    assert shown == dict.fromkeys(range(4, 8), AT - timedelta(days=50))


def mutual(rows: list[Row], ties: list[dict[str, Any]]) -> tuple[int, int]:
    """m and m* of the contact 5 → 1."""
    found = run(graph(rows, ties), SPEC, as_of=AT).facts.to_pylist()
    (row,) = (row for row in found if (row["u"], row["v"]) == (5, 1))
    return row["m"], row["m_star"]


@pytest.mark.parametrize("what", ["Undo", "Reject"])
def test_what_becomes_of_the_other_of_two_crossing_offers_ends_nothing(what: str) -> None:
    rows: list[Row] = [("Offer", 1, 6, 90), ("Offer", 6, 1, 89), ("Accept", 6, 0, 88)]
    rows += [(what, 6 if what == "Undo" else 1, 1, 87), ("Offer", 5, 1, 50)]
    assert mutual(rows, [{"a": 5, "b": 6, "kind": "friend"}]) == (1, 1)
    # that of the offer which made the tie does
    rows[3] = (what, 1 if what == "Undo" else 6, 0, 87)
    assert mutual(rows, [{"a": 5, "b": 6, "kind": "friend"}]) == (0, 0)


def test_a_tie_that_was_over_before_a_request_did_not_come_from_it() -> None:
    over = AT - timedelta(days=40)
    ties = [{"a": 1, "b": 6, "kind": "friend", "until": over}, {"a": 5, "b": 6, "kind": "friend"}]
    rows: list[Row] = [("Offer", 5, 1, 50), ("Offer", 1, 6, 20)]
    assert mutual(rows, ties) == (1, 1)


@pytest.mark.parametrize(("approves", "expected"), [(False, (1, 1)), (True, (0, 0))])
def test_a_follow_that_waits_for_approval_makes_no_friends(
    approves: bool, expected: tuple[int, int]
) -> None:
    rows: list[Row] = [("Follow", 6, 1, 90), ("Follow", 1, 6, 80), ("Offer", 5, 1, 50)]
    if approves:
        rows += [("Follow", 2, 6, 95), ("Accept", 6, 3, 94)]
    assert mutual(rows, [{"a": 5, "b": 6, "kind": "friend"}]) == expected


def test_a_stated_tie_began_with_the_offer_that_was_accepted_and_not_with_an_older_one() -> None:
    made = AT - timedelta(days=51)
    ties = [{"a": 5, "b": 6, "kind": "friend", "since": made}, {"a": 1, "b": 6, "kind": "friend"}]
    rows: list[Row] = [("Offer", 5, 6, 500), ("Ignore", 6, 0, 499)]
    rows += [("Offer", 5, 6, 52), ("Accept", 6, 2, 51), ("Offer", 5, 1, 50)]
    assert mutual(rows, ties) == (1, 0)
