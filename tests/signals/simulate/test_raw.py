"""The raw graph of a community holds the rows of its files."""

from __future__ import annotations

from collections.abc import Callable

from signals.simulate import Community
from signals.simulate.raw import to_raw_graph

Reader = Callable[[str], list[dict[str, str]]]


def test_the_raw_graph_equals_the_files(community: Community, rows: Reader) -> None:
    graph = to_raw_graph(community)
    accounts, ties, events = rows("accounts"), rows("ties"), rows("events")
    name = {number: row["account_id"] for number, row in enumerate(accounts, 1)}
    event = {number: row["event_id"] for number, row in enumerate(events, 1)}
    for found, row in zip(graph.accounts.to_pylist(), accounts, strict=True):
        assert name[found.pop("id")] == row["account_id"]
        assert found.pop("name_key") is None  # given by the database
        found["created_at"] = f"{found['created_at']:%Y-%m-%dT%H:%M:%SZ}"
        assert {key: "" if value is None else str(value) for key, value in found.items()} == {
            key: row[key] for key in found
        }
    for found, row in zip(graph.ties.to_pylist(), ties, strict=True):
        times = [
            "" if found[key] is None else f"{found[key]:%Y-%m-%dT%H:%M:%SZ}"
            for key in ("since", "until")
        ]
        expected = [row[key] for key in ("a", "b", "kind", "since", "until")]
        assert [name[found["a"]], name[found["b"]], found["kind"], *times] == expected
    for found, row in zip(graph.events.to_pylist(), events, strict=True):
        assert (found["object"] is None) != (found["ref"] is None)
        target = event[found["ref"]] if found["object"] is None else name[found["object"]]
        assert [event[found["id"]], found["type"], name[found["actor"]], target] == [
            row[key] for key in ("event_id", "type", "actor", "object")
        ]
        assert f"{found['published']:%Y-%m-%dT%H:%M:%SZ}" == row["published"]
