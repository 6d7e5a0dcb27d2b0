"""Reading the trail as it is stored, in constant memory and without trusting what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

_CHUNK: Final = 2_000
"""Rows that the server hands over at once."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry, its moment already in canonical form; None where it has no such form.

    Somebody who tampers can drop constraints too: any text may be None, hashes then are empty.
    """

    number: int
    at: str | None
    texts: tuple[str, str, str, str, str, str]  # actor, role, verb, target, reason, request_id
    before: str
    after: str
    previous_hash: bytes
    hash: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """A row of ``audit_head``."""

    number: int
    hash: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A row of ``audit_checkpoint``."""

    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far the trail goes: count of entries, last number, last witnessed and signed number."""

    entries: int
    last: int
    last_head: int
    last_checkpoint: int


def bounds() -> Bounds:
    """How far everything goes, all of one moment.

    Rows up to these numbers never change again, so they bound what is read afterwards.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM audit_entry),"
            " coalesce((SELECT max(number) FROM audit_entry), 0),"
            " coalesce((SELECT max(number) FROM audit_head), 0),"
            " coalesce((SELECT max(size) FROM audit_checkpoint), 0)"
        )
        return Bounds(*cursor.fetchone())


@contextmanager
def rows(last: int) -> Iterator[Iterator[Row]]:
    """The entries up to number ``last``, by number."""
    # Infinity and years before Christ come out as null: to_char would show the latter as after.
    query = """
        SELECT number,
               CASE WHEN extract(year FROM at AT TIME ZONE 'UTC') BETWEEN 1 AND 9999 THEN
                   to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
               actor, role, verb, target, reason, request_id,
               before::text, after::text, previous_hash, hash, signature
        FROM audit_entry WHERE number <= %s ORDER BY number
    """
    with _stream(query, last) as found:
        yield (
            Row(
                number=row[0],
                at=row[1],
                texts=row[2:8],
                before=row[8],
                after=row[9],
                previous_hash=bytes(row[10] or b""),
                hash=bytes(row[11] or b""),
                signature=bytes(row[12] or b""),
            )
            for row in found
        )


class Heads:
    """The witnessed heads in order, taken as the entries pass."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._rows = rows
        self._next = self._take()

    def up_to(self, number: int) -> list[Head]:
        """The heads not yet taken, up to ``number``."""
        found = []
        while self._next is not None and self._next.number <= number:
            found.append(self._next)
            self._next = self._take()
        return found

    def _take(self) -> Head | None:
        row = next(self._rows, None)
        return None if row is None else Head(row[0], bytes(row[1] or b""), bytes(row[2] or b""))


@contextmanager
def heads(last: int) -> Iterator[Heads]:
    """The witnessed heads up to number ``last``."""
    query = "SELECT number, hash, signature FROM audit_head WHERE number <= %s ORDER BY number, id"
    with _stream(query, last) as rows:
        yield Heads(rows)


class Checkpoints:
    """The checkpoints in order, taken as the entries pass."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._rows = rows
        self._next = self._take()

    def before(self, number: int) -> list[Checkpoint]:
        """Those not yet taken that cover only entries before ``number``."""
        found = []
        while self._next is not None and self._next.size < number:
            found.append(self._next)
            self._next = self._take()
        return found

    def _take(self) -> Checkpoint | None:
        row = next(self._rows, None)
        return None if row is None else Checkpoint(row[0], bytes(row[1] or b""), row[2] or "")


@contextmanager
def checkpoints(last: int) -> Iterator[Checkpoints]:
    """The checkpoints of up to ``last`` entries."""
    query = "SELECT size, root, note FROM audit_checkpoint WHERE size <= %s ORDER BY size"
    with _stream(query, last) as rows:
        yield Checkpoints(rows)


def is_checkpoint(size: int) -> bool:
    """Whether there is a checkpoint of so many entries."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM audit_checkpoint WHERE size = %s)", [size])
        return bool(cursor.fetchone()[0])


def written_as(row: Row) -> int | None:
    """The number under which the database witnessed the row's hash, when it is another one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number FROM audit_head WHERE hash = %s AND number <> %s LIMIT 1",
            [row.hash, row.number],
        )
        found = cursor.fetchone()
    return None if found is None else int(found[0])


@contextmanager
def _stream(query: str, last: int) -> Iterator[Iterator[tuple[Any, ...]]]:
    """Rows from a cursor on the server, ``_CHUNK`` at a time."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, [last])
        yield _fetched(cursor)


def _fetched(cursor: Any) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(_CHUNK):
        yield from rows
