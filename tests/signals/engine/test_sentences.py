"""What indicators say, for one of something and for several, and what counts as one."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from signals.engine.run import run
from signals.engine.tables import ACCOUNTS, TIES, RawGraph
from signals.indicators.base import Said
from signals.indicators.registry import REGISTRY
from signals.spec import KEYS, ThresholdSpec
from tests.signals.engine.graphs import Row, events_of

AT = datetime(2026, 6, 1, tzinfo=UTC)
SPEC = ThresholdSpec()
SEVERAL_OF_ONE = re.compile(
    r"(?<!of )(?<![\d.,])1 (new )?(children|adults|people|groups|times|threads|ties|requests|"
    r"contacts|hours|are|were|more were|first contacts|decided requests|private threads)\b"
    r"|\b1 of \d+ [^.;]*? (were|are) (with|refused|contacted|approached)"
)


def said(number: float, n: float) -> Said:
    return Said(number, n, 0.4, 0.0, 2.0, defaultdict(lambda: number))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("number", "n"), [(1.0, 1.0), (1.0, 4.0), (0.0, 4.0), (3.0, 4.0)])
def test_one_is_singular(key: str, number: float, n: float) -> None:
    indicator = REGISTRY[key]
    texts = [
        indicator.sentence(said(number, n)),
        indicator.lacking(said(number, n), SPEC),
        indicator.lacking(said(number, 100.0), SPEC),
        indicator.lacking(None, SPEC),
        indicator.lacking(said(number, n), SPEC.with_indicator(key, minimum=1)),
    ]
    for text in texts:
        assert not SEVERAL_OF_ONE.search(text), text
    for reason in texts[1:]:
        assert not reason[0].isupper(), reason  # it follows "Not enough evidence: "
        assert not reason.endswith(".")


def test_the_hours_that_count_as_fast_are_said() -> None:
    text = fast_and_night(fast=2.0, night=0.0, hours=48.0)
    assert "within 48 hours" in text
    assert "night" not in text


@pytest.mark.parametrize(
    ("fast", "night", "said_of"),
    [
        (2.0, 1.0, {"thread"}),
        (1.0, 2.0, {"night"}),
        (2.0, 2.0, {"thread", "night"}),
        (1.0, 1.0, {"thread", "night"}),
        (0.0, 1.0, {"night"}),
    ],
)
def test_only_what_speaks_is_said_of_threads_and_nights(
    fast: float, night: float, said_of: set[str]
) -> None:
    text = fast_and_night(fast, night)
    assert {word for word in ("thread", "night") if word in text} == said_of


def fast_and_night(fast: float, night: float, hours: float = 24.0) -> str:
    """The sentence of ``private_fast`` given what its parts say."""
    details = {
        "night": 3.0,
        "placed": 6.0,
        "usual_night": 0.5,
        "hours": hours,
        "fast_says": fast,
        "night_says": night,
    }
    return REGISTRY["private_fast"].sentence(Said(2.0, 3.0, 1.0, None, None, details))


def test_what_most_accounts_have_is_not_one_in_one() -> None:
    details = {"tail": 0.9, "young": 1.0, "known": 4.0, "came": 0.0, "seek": 0.0}
    text = REGISTRY["volume"].sentence(Said(3.0, 4.0, 1.0, None, None, details))
    assert "most comparable accounts have as many" in text


# One adult (0) and children, who are told apart by number


def graph(rows: list[Row], friends: list[tuple[int, int]], ages: list[int]) -> RawGraph:
    """``rows``: type, actor, object or number of the named row, hours before AT."""
    return RawGraph(
        accounts=pa.Table.from_pylist(
            [{"id": n, "birth_year": 2026 - age} for n, age in enumerate(ages)], schema=ACCOUNTS
        ),
        ties=pa.Table.from_pylist(
            [{"a": a, "b": b, "kind": "friend"} for a, b in friends], schema=TIES
        ),
        events=events_of(rows, lambda hours: AT - timedelta(hours=hours)),
    )


World = tuple[list[Row], list[tuple[int, int]], list[int]]
"""Reports, friends and ages."""


def reporters(*worlds: World) -> list[float | None]:
    """How many independent reporters of its account 0 each world has, after it wrote to everybody.

    Worlds stand side by side in one run, which says no more of one for the others.
    """
    rows: list[Row] = []
    friends: list[tuple[int, int]] = []
    ages: list[int] = []
    firsts = []
    for reports, tied, old in worlds:
        first = len(ages)
        asked: list[Row] = [("Offer", 0, n, 500) for n in range(1, len(old))]
        rows += [(kind, first + a, first + b, hours) for kind, a, b, hours in [*asked, *reports]]
        friends += [(first + a, first + b) for a, b in tied]
        ages += old
        firsts.append(first)
    spec = SPEC.with_indicator("blocked_reported", minimum=1)
    scores = run(graph(rows, friends, ages), spec, as_of=AT).scores.to_pylist()
    counted = {row["account"]: row["blocked_reported_k"] for row in scores}
    return [counted[first] for first in firsts]


CHILDREN = [40, 14, 14, 14, 14]


def test_friends_who_report_together_are_one_reporter() -> None:
    worlds: list[World] = []
    for apart in (0, 3):
        reports: list[Row] = [("Flag", 1, 0, 100), ("Block", 2, 0, 100 - apart)]
        both = [*reports, ("Flag", 3, 0, 100), ("Flag", 4, 0, 100)]
        worlds += [
            (reports, [(1, 2)], CHILDREN),
            (reports, [(1, 3), (2, 3)], CHILDREN),
            (both, [(1, 2), (3, 4)], CHILDREN),
        ]
    assert reporters(*worlds) == [1, 2, 2, 1, 2, 2]


def test_a_chain_of_friends_holds_two_who_do_not_know_each_other() -> None:
    reports: list[Row] = [("Flag", n, 0, 100) for n in (1, 2, 3)]
    chain, circle = [(1, 2), (2, 3)], [(1, 2), (2, 3), (1, 3)]
    assert reporters((reports, chain, CHILDREN), (reports, circle, CHILDREN)) == [2, 1]


def test_a_child_whose_mother_reports_first_is_a_reporter() -> None:
    reports: list[Row] = [("Flag", 4, 0, 101), ("Flag", 1, 0, 100)]
    assert reporters((reports, [(1, 4)], [40, 14, 14, 14, 45])) == [1]


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_a_block_counts_as_much_of_a_report_as_is_set(weight: float) -> None:
    asked: list[Row] = [("Offer", 0, n, 500) for n in (1, 2, 3)]
    rows = graph([*asked, ("Flag", 1, 0, 100), ("Block", 2, 0, 50)], [], CHILDREN)
    spec = replace(SPEC.with_indicator("blocked_reported", minimum=1), block_weight=weight)
    assert SPEC.block_weight == 1.0
    found = run(rows, spec, as_of=AT, explain=[0]).evidence.to_pylist()
    value = {row["target"]: row["value"] for row in found if row["indicator"] == "blocked_reported"}
    assert value[1] > 0.0
    assert value[2] == pytest.approx(weight * value[1], abs=1e-6)


def test_who_accepted_and_then_blocked_had_accepted() -> None:
    rows: list[Row] = [("Offer", 0, n, 200) for n in (1, 2, 3)]
    rows += [("Accept", n, n - 1, 190) for n in (1, 2, 3)]
    rows += [("Create", 0, n, 180) for n in (1, 2, 3)]
    rows += [("Block", n, 0, 150) for n in (1, 2)]
    (row,) = (
        row
        for row in run(graph(rows, [], CHILDREN), SPEC, as_of=AT).scores.to_pylist()
        if row["account"] == 0
    )
    assert (row["private_fast_k"], row["private_fast_n"]) == (3, 3)
    assert (row["refused_k"], row["refused_n"]) == (2, 3)


@pytest.mark.parametrize(("answer", "mutual"), [("Accept", 1), ("Ignore", 0), ("Reject", 0)])
def test_a_follow_that_was_not_approved_makes_no_friends(answer: str, mutual: int) -> None:
    rows: list[Row] = [
        ("Follow", 1, 2, 300),
        (answer, 2, 0, 299),
        ("Follow", 2, 1, 298),
        ("Offer", 0, 1, 100),
    ]
    found = run(graph(rows, [(0, 2)], CHILDREN), SPEC, as_of=AT).facts.to_pylist()
    (row,) = (row for row in found if (row["u"], row["v"]) == (0, 1))
    assert row["m"] == mutual
    assert row["deg_v"] == mutual


def test_one_child_among_those_who_came_is_a_child() -> None:
    text = REGISTRY["volume"].sentence(said(1.0, 4.0))
    assert "who came to it 1 was a child)" in text
    assert "3 were children)" in REGISTRY["volume"].sentence(said(3.0, 4.0))


def test_what_chance_hardly_explains_is_not_called_nothing() -> None:
    rare = Said(4.0, 6.0, 0.004, None, None, defaultdict(float))
    for key in ("co_targeting", "blocked_reported"):
        text = REGISTRY[key].sentence(rare)
        assert "fewer than 0.1" in text
        assert "0.0" not in text
    assert "given that no adult did" in REGISTRY["blocked_reported"].sentence(rare)
