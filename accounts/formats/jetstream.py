"""Bluesky's Jetstream v1: follows and blocks, and their ends, one event a line.

A record is created under its author's `did` and a key; a delete names both and nothing else, so
the two make the event's identifier: `at://did/collection/rkey`, and `…#delete` for its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from accounts.formats.json_lines import JsonLines, Object, empty_file
from accounts.formats.rows import WHOLE_ROW, Position, RawBatch, Reject, shortened
from accounts.formats.source import Source

_TYPES: Final = {"app.bsky.graph.follow": "Follow", "app.bsky.graph.block": "Block"}


class JetstreamReader:
    """Reads one file of Jetstream events. Raises FileProblem."""

    table: Final = "events"

    def __init__(self, source: Source, start: Position) -> None:
        self._objects = JsonLines(source, start)
        self._start = start
        self._passed_over: Counter[str] = Counter()

    @property
    def notices(self) -> list[str]:
        return [
            f"Passed over: {count:,} of {kind}, which say nothing about contact."
            for kind, count in sorted(self._passed_over.items())
        ]

    def __iter__(self) -> Iterator[RawBatch]:
        nothing = not self._start.offset
        for objects, lines, rejects in self._objects:
            nothing = nothing and not objects and not rejects
            events: list[Object] = []
            numbers: list[int] = []
            for entry, line in zip(objects, lines, strict=True):
                made = event_of(entry)
                if isinstance(made, dict):
                    events.append(made)
                    numbers.append(line)
                elif made is None:
                    self._passed_over[_kind(entry)] += 1
                else:
                    rejects.append(Reject(line, WHOLE_ROW, shortened(_kind(entry)), made))
            yield self._objects.batch("events", events, numbers, rejects)
        if nothing:
            raise empty_file()


def event_of(entry: Object) -> Object | str | None:
    """The row of the events file, None for what is no contact, or why it cannot be read."""
    commit = entry.get("commit")
    if entry.get("kind") != "commit" or not isinstance(commit, dict):
        return None
    kind = _TYPES.get(str(commit.get("collection")))
    if kind is None or commit.get("operation") not in ("create", "delete"):
        return None
    did, key, time_us = entry.get("did"), commit.get("rkey"), entry.get("time_us")
    if not (isinstance(did, str) and isinstance(key, str) and did and key):
        return "The line lacks did or rkey; send Jetstream's lines as they came."
    seen = _moment(time_us)
    if seen is None:
        return "time_us is no time in microseconds; send Jetstream's lines as they came."
    address = f"at://{did}/{commit['collection']}/{key}"
    if commit["operation"] == "delete":
        return {
            "event_id": f"{address}#delete",
            "type": "Undo",
            "actor": did,
            "object": address,
            "published": seen,
        }
    record = commit.get("record")
    record = record if isinstance(record, dict) else {}
    return {
        "event_id": address,
        "type": kind,
        "actor": did,
        "object": record.get("subject"),
        "published": _published(record.get("createdAt"), seen),
    }


def _published(stated: Any, seen: str) -> str:
    """What the author's own clock says, unless it runs ahead of the network's."""
    if not isinstance(stated, str):
        return seen
    try:
        at = datetime.fromisoformat(stated)
    except ValueError:
        return stated
    if at.tzinfo is None or at > datetime.fromisoformat(seen):
        return seen
    return stated


def _moment(time_us: Any) -> str | None:
    if not isinstance(time_us, int):
        return None
    try:
        return datetime.fromtimestamp(time_us / 1e6, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None


def _kind(entry: Object) -> str:
    commit = entry.get("commit")
    collection = commit.get("collection") if isinstance(commit, dict) else None
    return shortened(str(collection or entry.get("kind") or "lines without a kind"), 60)
