"""A team, a class, those who come of themselves: what such groups change in what is compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from signals.engine.result import Contribution
from signals.engine.run import run
from signals.engine.tables import ACCOUNTS, EVENTS, TIES, RawGraph
from signals.indicators.co_targeting import clustered
from signals.spec import ThresholdSpec

AT = datetime(2026, 6, 1, tzinfo=UTC)
CHILDREN, ADULTS = 60, 60
ADULT = CHILDREN  # the account that is looked at

Request = tuple[int, int, float, str]  # actor, object, days before AT, answer or nothing


def found(
    asked: list[Request], ties: list[tuple[int, int]], key: str, threads: bool = True
) -> Contribution:
    """What an indicator says about ADULT. Answers come an hour after the requests."""
    rows = []
    for place, (actor, target, days, answer) in enumerate(asked):
        at = AT - timedelta(days=days)
        rows.append(
            {"id": 2 * place, "type": "Offer", "actor": actor, "object": target, "published": at}
        )
        if answer:
            at += timedelta(hours=1)
            rows.append(
                {
                    "id": 2 * place + 1,
                    "type": answer,
                    "actor": target,
                    "ref": 2 * place,
                    "published": at,
                }
            )
    graph = RawGraph(
        accounts=pa.Table.from_pylist(
            [
                {"id": number, "birth_year": 2012 if number < CHILDREN else 1985}
                for number in range(CHILDREN + ADULTS)
            ],
            schema=ACCOUNTS,
        ),
        ties=pa.Table.from_pylist(
            [{"a": a, "b": b, "kind": "friend"} for a, b in ties], schema=TIES
        ),
        events=pa.Table.from_pylist(rows, schema=EVENTS),
    )
    explanation = run(graph, ThresholdSpec(), as_of=AT, explain=[ADULT]).explanations[ADULT]
    return next(c for c in explanation.contributions if c.indicator == key)


TEAM = [(a, b) for a in range(8) for b in range(a)]


@pytest.mark.parametrize(("apart", "telling"), [(1.0, 0), (20.0, 7)])
def test_a_team_added_in_one_wave_was_not_found_through_each_other(
    apart: float, telling: int
) -> None:
    asked = [(ADULT, child, 300.0 - apart * child, "Accept") for child in range(8)]
    said = found(asked, TEAM, "made_mutuals")
    assert (said.n or 0) == telling
    assert (said.direction == "not_assessed") == (telling == 0)
    if telling:
        # the first was 140 days old when the last one came, and no longer counts as made
        assert said.k == 6


def test_one_s_own_refusals_are_no_measure_of_what_is_usual() -> None:
    rng = np.random.default_rng(4)
    others = [
        (int(a), int(b), 400.0 - place, "Accept" if rng.random() < 0.8 else "Reject")
        for place, (a, b) in enumerate(rng.choice(CHILDREN, 2, replace=False) for _ in range(150))
    ]

    def expected(refused: int) -> float:
        own = [
            (ADULT, child, 90.0 - child, "Reject" if child < refused else "Accept")
            for child in range(15)
        ]
        said = found([*others, *own], [], "refused")
        assert (said.k, said.n) == (refused, 15)
        assert said.expected is not None
        return said.expected

    assert expected(15) == pytest.approx(expected(2), rel=0.06)
    assert expected(15) < 5.0


def test_whom_children_seek_out_has_children_around() -> None:
    went = [(ADULT, child, 300.0 - child, "Accept") for child in range(12)]
    came = [(child, ADULT, 200.0 - child, "Accept") for child in range(20, 50)]
    other = [(ADULT + 1 + n, ADULT + 2 + n, 100.0 + n, "Accept") for n in range(40)]
    alone, sought = (
        found(asked, [], "minor_share") for asked in ([*went, *other], [*went, *came, *other])
    )
    assert alone.expected is not None
    assert sought.expected is not None
    assert sought.expected > alone.expected
    assert sought.points < alone.points
    assert "by who came to it (30 of 30 children)" in sought.sentence


def test_children_who_know_each_other_are_fewer_draws() -> None:
    shared = np.array([[6.0, 6.0, 6.0, 1.0]])
    rows = {
        # a team; half of its ties; strangers to each other; one child
        "peers_a_0": np.array([30, 15, 0, 5]),
        "peers_b_0": np.array([30, 15, 0, 5]),
        "among_a": np.array([5, 5, 5, 5]),
        "among_b": np.array([5, 5, 5, 5]),
    }
    found_ = clustered(shared, rows, np.arange(4))
    assert found_[0].tolist() == pytest.approx([5.0, 2.5, 0.0, 0.0])
