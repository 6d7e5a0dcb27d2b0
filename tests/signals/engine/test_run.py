"""A whole run: order and ids decide nothing, the future does not leak, odd platforms end well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from signals.engine import aside, prepare
from signals.engine.result import EngineResult, scores_schema
from signals.engine.run import run
from signals.engine.sample import Sample
from signals.engine.tables import ACCOUNTS, EVENTS, EXEMPTIONS, LABELS, TIES, RawGraph
from signals.simulate import SimulationSettings, simulate
from signals.simulate.raw import to_raw_graph
from signals.spec import KEYS, ThresholdSpec

SPEC = ThresholdSpec(open_at=60.0, cohort_size=60)
AT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def graph() -> RawGraph:
    """1,200 accounts, with some decisions that are known."""
    plain = to_raw_graph(simulate(SimulationSettings(accounts=1200, seed=7)))
    rng = np.random.default_rng(1)
    decided = rng.choice(plain.accounts["id"].to_numpy(), 80, replace=False)
    labels = pa.Table.from_pylist(
        [
            {
                "account": int(account),
                "decided_at": AT - timedelta(days=int(rng.integers(1, 300))),
                "outcome": str(rng.choice(["dismissed", "confirmed"])),
                "reason": None,
            }
            for account in decided
        ],
        schema=LABELS,
    )
    return replace(plain, labels=labels)


@pytest.fixture(scope="module")
def result(graph: RawGraph) -> EngineResult:
    return run(graph, SPEC, as_of=AT)


def renamed(table: pa.Table, **columns: np.ndarray) -> pa.Table:
    """The same rows under other ids: old ids are positions in the mapping."""
    for name, mapping in columns.items():
        place = table.column_names.index(name)
        old = table[name].to_pandas().to_numpy(dtype=float)
        new = [None if np.isnan(x) else int(mapping[int(x)]) for x in old]
        table = table.set_column(place, name, pa.array(new, pa.int64()))
    return table


def shuffled(graph: RawGraph, seed: int) -> tuple[RawGraph, np.ndarray]:
    """The graph imported in another order: other ids, other rows first."""
    rng = np.random.default_rng(seed)
    people = rng.permutation(int(pc.max(graph.accounts["id"]).as_py()) + 1) * 3 + 11
    events = rng.permutation(int(pc.max(graph.events["id"]).as_py()) + 1) + 1000

    def mixed(table: pa.Table) -> pa.Table:
        return table.take(pa.array(rng.permutation(table.num_rows)))

    return (
        RawGraph(
            accounts=mixed(renamed(graph.accounts, id=people)),
            ties=mixed(renamed(graph.ties, a=people, b=people)),
            events=mixed(renamed(graph.events, id=events, ref=events, actor=people, object=people)),
            labels=mixed(renamed(graph.labels, account=people)),
        ),
        people,
    )


def scores_of(result: EngineResult, names: np.ndarray | None = None) -> dict[int, tuple]:
    """By account: everything that the scores say, but the number of the ring."""
    columns = [name for name in scores_schema().names if name not in ("account", "ring")]
    rows = {}
    for row in result.scores.to_pylist():
        account = row["account"] if names is None else names[row["account"]]
        rows[account] = tuple(
            round(row[name], 9) if isinstance(row[name], float) else row[name] for name in columns
        )
    return rows


def assert_same(found: dict[int, tuple], expected: dict[int, tuple]) -> None:
    assert found.keys() == expected.keys()
    columns = [name for name in scores_schema().names if name not in ("account", "ring")]
    different = {
        (account, name): (a, b)
        for account in expected
        for name, a, b in zip(columns, expected[account], found[account], strict=True)
        if a != b and not (isinstance(a, float) and b is not None and abs(a - b) < 1e-8)
    }
    assert not different


def test_something_is_found(result: EngineResult) -> None:
    """Or the tests below would compare nothing with nothing."""
    assert result.counts["assessed"] > 300
    assert result.counts["flagged"] >= 10
    scores = result.scores.to_pandas()
    for key in KEYS:
        if key != "co_targeting":
            assert scores[f"{key}_llr"].notna().any(), key


def test_the_order_of_import_decides_nothing(graph: RawGraph, result: EngineResult) -> None:
    other, people = shuffled(graph, 3)
    again = run(other, SPEC, as_of=AT)
    back = np.zeros(people.max() + 1, np.int64)
    back[people] = np.arange(len(people))
    assert_same(scores_of(again, back), scores_of(result))
    assert sorted(back[x] for x in again.explanations) == sorted(result.explanations)


def test_twice_the_same_is_the_same(graph: RawGraph, result: EngineResult) -> None:
    again = run(graph, SPEC, as_of=AT)
    assert again.scores.equals(result.scores)
    assert again.evidence.equals(result.evidence)
    assert again.explanations == result.explanations


def test_giving_the_graph_up_and_putting_numbers_aside_change_nothing(
    graph: RawGraph, result: EngineResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "SMALL", 0)
    monkeypatch.setattr(prepare, "PIECE", 1000)
    mine = replace(graph)
    again = run(mine, SPEC, as_of=AT, keep=False)
    assert again.scores.equals(result.scores)
    assert again.evidence.equals(result.evidence)
    assert again.explanations == result.explanations
    assert not mine.events.num_rows
    assert not mine.ties.num_rows
    assert graph.events.num_rows


def test_the_future_does_not_leak(graph: RawGraph, result: EngineResult) -> None:
    """What happens at the instant of the run or later changes no score and no sentence."""
    moment = pa.scalar(AT, pa.timestamp("us", tz="UTC"))

    def before(table: pa.Table, column: str) -> pa.Table:
        early = pc.less(table[column], moment)
        return table.filter(pc.fill_null(early, True))

    rng = np.random.default_rng(9)
    ids = graph.accounts["id"].to_numpy()
    last = int(pc.max(graph.events["id"]).as_py())
    refs = graph.events["id"].to_numpy()
    noise = []
    for number in range(3000):
        a, b = rng.choice(ids, 2, replace=False)
        kind = str(rng.choice(["Offer", "Create", "Block", "Flag", "Remove", "Accept", "Undo"]))
        refers = kind in ("Accept", "Undo")
        noise.append(
            {
                "id": last + 1 + number,
                "type": kind,
                "actor": int(a),
                "object": None if refers else int(b),
                "ref": int(rng.choice(refs)) if refers else None,
                "published": AT + timedelta(hours=float(rng.integers(0, 3000))),
            }
        )
    past = RawGraph(
        accounts=graph.accounts,
        ties=before(graph.ties, "since"),
        events=before(graph.events, "published"),
        labels=before(graph.labels, "decided_at"),
    )
    future = RawGraph(
        accounts=graph.accounts,
        ties=pa.concat_tables(
            [
                past.ties,
                pa.Table.from_pylist(
                    [
                        {"id": 10**9 + n, "a": int(ids[n]), "b": int(ids[n + 1]), "kind": kind,
                         "since": AT + timedelta(hours=n)}
                        for n in range(200) for kind in ("friend", "family")
                    ],
                    schema=TIES,
                ),
            ]
        ),
        events=pa.concat_tables([past.events, pa.Table.from_pylist(noise, schema=EVENTS)]),
        labels=pa.concat_tables(
            [
                past.labels,
                pa.Table.from_pylist(
                    [
                        {"account": int(x), "decided_at": AT, "outcome": "confirmed"}
                        for x in ids[:200]
                    ],
                    schema=LABELS,
                ),
            ]
        ),
    )  # fmt: skip
    expected = run(past, SPEC, as_of=AT)
    found = run(future, SPEC, as_of=AT)
    assert found.scores.equals(expected.scores)
    assert found.explanations == expected.explanations
    assert_same(scores_of(expected), scores_of(result))


def test_a_tie_that_ends_later_still_stands(graph: RawGraph, result: EngineResult) -> None:
    """An end at or after the instant of the run is not known yet."""
    until = graph.ties["until"]
    moment = pa.scalar(AT, until.type)
    later = pc.and_(pc.is_valid(until), pc.greater_equal(until, moment))
    assert pc.sum(later).as_py()
    forgotten = graph.ties.set_column(
        graph.ties.column_names.index("until"),
        "until",
        pc.if_else(later, pa.scalar(None, until.type), until),
    )
    again = run(replace(graph, ties=forgotten), SPEC, as_of=AT)
    assert again.scores.equals(result.scores)


def test_points_are_the_sum_of_what_the_sentences_say(result: EngineResult) -> None:
    points = dict(
        zip(result.scores["account"].to_pylist(), result.scores["points"].to_pylist(), strict=True)
    )
    assert result.explanations
    for account, explanation in result.explanations.items():
        said = sum(contribution.points for contribution in explanation.contributions)
        assert said == pytest.approx(points[account])
        for contribution in explanation.contributions:
            assert contribution.sentence.strip()
            assert (contribution.direction == "not_assessed") == bool(contribution.reason)


COUNTED = (
    "no_mutuals",
    "refused",
    "made_mutuals",
    "private_threads",
    "volume",
    "co_targeting",
    "burst",
)


def test_every_sentence_opens_its_rows(result: EngineResult) -> None:
    """The rows that count are the k of the sentence; all rows are its n where it has one."""
    rows: dict[tuple[int, str], list[bool]] = {}
    waves: dict[int, list[datetime]] = {}
    for row in result.evidence.to_pylist():
        rows.setdefault((row["account"], row["indicator"]), []).append(row["counted"])
        if row["indicator"] == "burst" and row["counted"]:
            waves.setdefault(row["account"], []).append(row["at"])
    checked = set()
    for account, explanation in result.explanations.items():
        for c in explanation.contributions:
            if c.direction == "not_assessed":
                assert (account, c.indicator) not in rows
                continue
            counted = rows[account, c.indicator]
            assert len(counted) == c.rows > 0
            if c.indicator in COUNTED:
                assert sum(counted) == c.k, c.indicator
                checked.add(c.indicator)
            if c.indicator == "burst":
                wave = waves[account]
                assert max(wave) - min(wave) <= timedelta(days=c.details["days"])
    assert {"no_mutuals", "refused", "private_threads", "burst"} <= checked


def test_anyone_can_be_explained(graph: RawGraph, result: EngineResult) -> None:
    quiet = result.scores.filter(pc.invert(result.scores["flagged"]))["account"][0].as_py()
    again = run(graph, SPEC, as_of=AT, explain=[quiet, 10**9])
    assert set(again.explanations) == set(result.explanations) | {quiet}
    assert not again.explanations[quiet].flagged


def test_the_exempt_are_scored_but_not_flagged(graph: RawGraph, result: EngineResult) -> None:
    flagged = list(result.explanations)[:3]
    until = [None, AT + timedelta(days=1), AT - timedelta(days=1)]
    exemptions = pa.Table.from_pylist(
        [{"account": a, "until": u} for a, u in zip(flagged, until, strict=True)],
        schema=EXEMPTIONS,
    )
    again = run(replace(graph, exemptions=exemptions), SPEC, as_of=AT, explain=flagged)
    rows = {row["account"]: row for row in again.scores.to_pylist()}
    assert [rows[account]["exempt"] for account in flagged] == [True, True, False]
    assert [rows[account]["flagged"] for account in flagged] == [False, False, True]


def test_stages_are_told_and_can_end_the_run(graph: RawGraph) -> None:
    told: list[tuple[str, float]] = []
    run(graph, SPEC, as_of=AT, progress=lambda stage, share: told.append((stage, share)))
    assert [stage for stage, _ in told] == [
        "load", "contact_facts", "indicators", "scores", "evidence", "done",
    ]  # fmt: skip
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0

    class Enough(Exception):
        pass

    def stop(stage: str, share: float) -> None:
        if stage == "indicators":
            raise Enough

    with pytest.raises(Enough):
        run(graph, SPEC, as_of=AT, progress=stop)


def test_an_unknown_engine(graph: RawGraph) -> None:
    with pytest.raises(ValueError, match="unknown engine"):
        run(graph, SPEC, engine="abacus")


# Odd platforms


def people(ages: Sequence[int | None], **columns: list) -> pa.Table:
    rows = [
        {
            "id": n,
            "birth_year": None if age is None else 2026 - age,
            "created_at": AT - timedelta(days=900),
            "age_source": "self_declared",
            **{name: values[n] for name, values in columns.items()},
        }
        for n, age in enumerate(ages)
    ]
    return pa.Table.from_pylist(rows, schema=ACCOUNTS)


def events(rows: list[tuple]) -> pa.Table:
    """(type, actor, object or event number, hours before AT)."""
    return pa.Table.from_pylist(
        [
            {
                "id": n,
                "type": kind,
                "actor": actor,
                "object": None if kind in ("Accept", "Reject", "Ignore", "Undo") else other,
                "ref": other if kind in ("Accept", "Reject", "Ignore", "Undo") else None,
                "published": AT - timedelta(hours=hours),
            }
            for n, (kind, actor, other, hours) in enumerate(rows)
        ],
        schema=EVENTS,
    )


def contacts_of_one(account: int, others: range, kind: str = "Offer") -> list[tuple]:
    return [(kind, account, other, 2000 - other) for other in others]


ODD = {
    "nobody": RawGraph(accounts=ACCOUNTS.empty_table()),
    "people who do nothing": RawGraph(accounts=people([12, 40, None])),
    "no children": RawGraph(
        accounts=people([30] * 40), events=events(contacts_of_one(0, range(1, 40)))
    ),
    "no known ages": RawGraph(
        accounts=people([None] * 40), events=events(contacts_of_one(0, range(1, 40)))
    ),
    "no outcomes": RawGraph(
        accounts=people([40] + [13] * 39), events=events(contacts_of_one(0, range(1, 40)))
    ),
    "follows only": RawGraph(
        accounts=people([40] + [13] * 39),
        events=events(
            contacts_of_one(0, range(1, 40), "Follow")
            + [("Follow", other, 0, 1000) for other in range(1, 40)]
        ),
    ),
    "all at one instant": RawGraph(
        accounts=people([40] * 5 + [13] * 35),
        events=events(
            [
                (kind, a, b, 5)
                for a in range(5)
                for b in range(5, 40)
                for kind in ("Offer", "Create")
            ]
            + [("Block", b, a, 5) for a in range(5) for b in range(5, 40)]
        ),
    ),
    "only rows that make no sense": RawGraph(
        accounts=people([40, 13]),
        ties=pa.Table.from_pylist(
            [
                {"id": 1, "a": 0, "b": 0, "kind": "friend"},
                {"id": 2, "a": 0, "b": 77, "kind": "friend"},
            ],
            schema=TIES,
        ),
        events=events([("Offer", 0, 0, 5), ("Offer", 0, 99, 5), ("Accept", 1, 55, 4)]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_odd_platforms_end_well(name: str) -> None:
    graph = ODD[name]
    found = run(graph, SPEC, as_of=AT, explain=[0])
    assert found.counts["accounts"] == graph.accounts.num_rows
    points = found.scores["points"].to_numpy()
    assert np.isfinite(points).all()
    assert found.scores.schema == scores_schema()
    for key in KEYS:
        llr = found.scores[f"{key}_llr"].drop_null().to_numpy()
        assert np.isfinite(llr).all()
    if name not in ("no outcomes", "follows only", "all at one instant"):
        assert found.scores.num_rows == 0
    if name == "only rows that make no sense":
        assert found.counts["refused_rows"] == 5 - 1


def test_a_hub_followed_by_everyone() -> None:
    """Every account has the hub as its only tie, and contacts the next account."""
    count = 4000
    rows = contacts_of_one(0, range(1, 30)) + [
        ("Offer", n, n + 1, 24 * 30 + n % 700) for n in range(1, count - 1)
    ]
    ties = pa.Table.from_pylist(
        [
            {"id": n, "a": 0, "b": n, "kind": "friend", "since": AT - timedelta(days=400)}
            for n in range(1, count)
        ],
        schema=TIES,
    )
    found = run(RawGraph(people([40] + [14] * (count - 1)), ties, events(rows)), SPEC, as_of=AT)
    facts = {(row["u"], row["v"]): row for row in found.facts.to_pylist()}
    assert facts[5, 6]["m"] == 1
    assert facts[0, 5]["m"] == 0
    assert facts[0, 5]["deg_u"] == count - 1


def test_very_many_events_of_one_actor() -> None:
    """300,000 threads to 300 children: one contact a child, no growth with the repeats."""
    repeat, children = 1000, 300
    actor = np.zeros(repeat * children, np.int64)
    table = pa.table(
        {
            "id": np.arange(repeat * children),
            "type": pa.array(["Create"] * (repeat * children)),
            "actor": actor,
            "object": np.tile(np.arange(1, children + 1), repeat),
            "ref": pa.nulls(repeat * children, pa.int64()),
            "published": pa.array(
                [AT - timedelta(seconds=int(s)) for s in range(5, 5 + repeat * children)],
                pa.timestamp("us", tz="UTC"),
            ),
        }
    )
    found = run(RawGraph(people([40] + [14] * children), events=table), SPEC, as_of=AT)
    assert found.counts["contacts"] == children
    row = found.scores.to_pylist()[0]
    assert row["minors"] == children
    assert row["private_threads_k"] == children


def test_a_draw_explains_grown_ups_that_are_neither_flagged_nor_exempt_and_moves_nothing(
    graph: RawGraph, result: EngineResult
) -> None:
    """A draw of everybody, so that only its rules leave anybody out."""
    scores = result.scores.to_pylist()
    quiet = [row["account"] for row in scores if not row["flagged"] and not row["recorded_minor"]]
    barred = pa.Table.from_pylist(
        [{"account": account, "until": None} for account in quiet[:5]], schema=EXEMPTIONS
    )
    spared = replace(graph, exemptions=barred)
    without = run(spared, SPEC, as_of=AT)
    drawn = run(spared, SPEC, as_of=AT, sample=Sample(bytes(16), 1.0))
    assert drawn.scores.equals(without.scores)
    children = {row["account"] for row in scores if row["recorded_minor"] and not row["flagged"]}
    assert children
    assert drawn.explanations.keys() - without.explanations.keys() == set(quiet[5:])
    half = run(spared, SPEC, as_of=AT, sample=Sample(bytes(16), 0.5)).explanations
    assert without.explanations.keys() <= half.keys() < drawn.explanations.keys()
