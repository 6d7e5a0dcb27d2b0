"""Accounts that are alike in everything but their names: the order of import decides nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pyarrow as pa

from signals.engine.run import run
from signals.engine.tables import ACCOUNTS, EVENTS, TIES, RawGraph
from signals.spec import ThresholdSpec

AT = datetime(2026, 6, 1, tzinfo=UTC)
FIRST = [f"first {n}" for n in range(4)]
SECOND = [f"second {n}" for n in range(4)]
BETWEEN = "between"  # knows one of each
GROOMER = "groomer"


def graph(order: list[str]) -> RawGraph:
    """Two circles of friends who cannot be told apart, under ids in this order."""
    ids = {name: number for number, name in enumerate(order)}
    pairs = [*combinations(FIRST, 2), *combinations(SECOND, 2)]
    pairs += [(BETWEEN, FIRST[0]), (BETWEEN, SECOND[0])]
    contacted = [*FIRST, *SECOND[:2], BETWEEN]
    accounts = [
        {
            "id": number,
            "age_band": "18_plus" if name == GROOMER else "13_15",
            "name_key": sum(ord(letter) * 31**place for place, letter in enumerate(name)),
        }
        for name, number in ids.items()
    ]
    return RawGraph(
        accounts=pa.Table.from_pylist(accounts, schema=ACCOUNTS),
        ties=pa.Table.from_pylist(
            [{"a": ids[a], "b": ids[b], "kind": "friend"} for a, b in pairs], schema=TIES
        ),
        events=pa.Table.from_pylist(
            [
                {
                    "id": place,
                    "type": "Offer",
                    "actor": ids[GROOMER],
                    "object": ids[name],
                    "published": AT - timedelta(hours=1 + place),
                }
                for place, name in enumerate(contacted)
            ],
            schema=EVENTS,
        ),
    )


def test_who_are_alike_are_told_apart_by_name() -> None:
    figures = []
    for names in (
        [*FIRST, *SECOND, BETWEEN, GROOMER],
        [*SECOND, *FIRST, BETWEEN, GROOMER],
        [GROOMER, BETWEEN, *reversed([*FIRST, *SECOND])],
    ):
        (row,) = run(graph(names), ThresholdSpec(), as_of=AT).scores.to_pylist()
        figures.append({name: value for name, value in row.items() if name != "account"})
    assert figures[0] == figures[1] == figures[2]
    assert figures[0]["spread_k"] is not None
