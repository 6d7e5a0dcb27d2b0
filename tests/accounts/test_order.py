"""Whatever the order in which rows arrive, and in however many pieces, the graph ends the same."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.formats.rows import Table
from accounts.imports import merge_accounts, merge_events, merge_ties
from accounts.imports.database import Database
from accounts.models import ImportBatch
from tests.accounts.worlds import Row, forget_everything, graph, rows_of

NAMES = ["a", "b", "c", "d", "f", "g", "h"]
EVENTS = [f"e{number}" for number in range(9)]
TIMES = ["2026-02-20T10:00:00Z", "2026-02-20T10:03:00Z", "2026-02-20T11:00:00Z"]
TO_ACCOUNT = ["Offer", "Follow", "Create", "Block"]
TO_EVENT = ["Accept", "Reject", "Undo"]
MERGES = {
    "accounts": merge_accounts.merge,
    "ties": merge_ties.merge,
    "events": merge_events.merge,
}


@st.composite
def events(draw: st.DrawFn) -> list[Row]:
    """Events that name each other at random: chains, wrong people, wrong types, unknown events."""
    rows = []
    for event_id in draw(st.lists(st.sampled_from(EVENTS), unique=True)):
        type_ = draw(st.sampled_from(TO_ACCOUNT + TO_EVENT))
        actor = draw(st.sampled_from(NAMES))
        others = NAMES if type_ in TO_ACCOUNT else EVENTS
        rows.append(
            {
                "event_id": event_id,
                "type": type_,
                "actor": actor,
                "object": draw(
                    st.sampled_from([name for name in others if name not in (actor, event_id)])
                ),
                "published": draw(st.sampled_from(TIMES)),
                "region": draw(st.sampled_from(["", "GB"])),
            }
        )
    return rows


@st.composite
def ties(draw: st.DrawFn) -> list[Row]:
    pairs = st.lists(st.sampled_from(NAMES), min_size=2, max_size=2, unique=True)
    return [
        {
            "a": a,
            "b": b,
            "kind": draw(st.sampled_from(["friend", "follow", "family"])),
            "since": draw(st.sampled_from(["", TIMES[0]])),
            "until": draw(st.sampled_from(["", *TIMES[1:]])),
        }
        for a, b in draw(st.lists(pairs, max_size=8))
    ]


accounts = st.lists(st.sampled_from(NAMES), unique=True).map(
    lambda names: [{"account_id": name, "birth_year": "2010"} for name in names]
)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[dict[Table, list[Row]], list[tuple[Table, list[Row]]]]:
    """A platform's rows, and the same rows shuffled, cut into pieces, some sent more than once."""
    world: dict[Table, list[Row]] = {
        "accounts": draw(accounts),
        "ties": draw(ties()),
        "events": draw(events()),
    }
    pieces: list[tuple[Table, list[Row]]] = []
    for table, rows in world.items():
        shuffled = draw(st.permutations(rows))
        again = draw(st.lists(st.sampled_from(rows), max_size=3)) if rows else []
        shuffled = [*shuffled, *again]
        while shuffled:
            size = draw(st.integers(1, len(shuffled)))
            pieces.append((table, shuffled[:size]))
            shuffled = shuffled[size:]
    return world, draw(st.permutations(pieces))


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(delivered=deliveries())
def test_the_graph_is_what_a_plain_reading_of_the_rows_gives(
    db: Database, delivered: tuple[dict[Table, list[Row]], list[tuple[Table, list[Row]]]]
) -> None:
    world, pieces = delivered
    forget_everything()
    batch = ImportBatch.objects.create(origin="command")
    sent = dealt_with = taken_back = 0
    for table, rows in pieces:
        checked = rows_of(table, rows)
        assert not checked.rejects
        with db.chunk(table):
            merged = MERGES[table](db, checked, batch.pk)
        sent += len(rows)
        dealt_with += merged.accepted + merged.duplicates + len(merged.rejects)
        taken_back += len(merged.late)
    assert dealt_with == sent
    got = graph()
    assert got["events"] == plain_events(world["events"])
    assert got["ties"] == plain_ties(world["ties"])
    named = {end for tie in got["ties"] for end in tie[:2]}
    named |= {name for row in got["events"].values() for name in row[1:3] if name}
    known = {row["account_id"] for row in world["accounts"]}
    assert set(got["accounts"]) == known | named
    for name, account in got["accounts"].items():
        assert account["provisional"] == (name not in known)
        assert account["birth_year"] == (2010 if name in known else None)


# -- a plain reading ---------------------------------------------------------------------------


@dataclasses.dataclass
class Standing:
    row: Row
    settled: bool


def plain_events(rows: list[Row]) -> dict[str, Any]:
    """Which events stand, and which of them their reference resolves, one by one and slowly."""
    standing = {row["event_id"]: Standing(row, row["type"] in TO_ACCOUNT) for row in rows}
    while True:
        moved = False
        for event_id, event in list(standing.items()):
            named = standing.get(event.row["object"])
            if event.settled or named is None or not named.settled:
                continue
            if fits(event.row, named.row):
                event.settled = True
            else:
                del standing[event_id]
            moved = True
        if not moved:
            break
    return {
        event_id: (
            event.row["type"],
            event.row["actor"],
            event.row["object"] if event.row["type"] in TO_ACCOUNT else None,
            "" if event.row["type"] in TO_ACCOUNT else event.row["object"],
            event.row["object"] if event.settled and event.row["type"] in TO_EVENT else None,
            event.row["published"].replace("Z", "+00:00"),
            event.row["region"],
        )
        for event_id, event in standing.items()
    }


def fits(row: Row, named: Row) -> bool:
    if row["type"] == "Undo":
        right = named["type"] in ("Offer", "Follow", "Accept", "Block")
        right = right and row["actor"] == named["actor"]
    else:
        right = named["type"] in ("Offer", "Follow") and row["actor"] == named["object"]
    late_by = datetime.fromisoformat(row["published"]) - datetime.fromisoformat(named["published"])
    return right and late_by.total_seconds() >= -300


def plain_ties(rows: list[Row]) -> list[tuple[str, ...]]:
    ends: dict[tuple[str, str, str, str], str] = {}
    for row in rows:
        a, b = row["a"], row["b"]
        if row["kind"] != "follow":
            a, b = min(a, b), max(a, b)
        key = (a, b, row["kind"], told(row["since"]))
        untils = [end for end in (ends.get(key, "None"), told(row["until"])) if end != "None"]
        ends[key] = min(untils, default="None")
    return sorted((*key, until) for key, until in ends.items())


def told(time: str) -> str:
    return str(datetime.fromisoformat(time)) if time else "None"
