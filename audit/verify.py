"""Checks the whole trail: every entry, every link, every signature, and both witnesses.

Reads only, in constant memory, so it also runs with a read-only connection and the public key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection, transaction

from audit import canonical, keys, witness

Progress = Callable[[int, int], None]
"""Called with the number of entries checked so far and the number of all entries."""

_CHUNK: Final = 2_000
_PROGRESS_EVERY: Final = 5_000


@dataclass(frozen=True, slots=True)
class Result:
    """What a verification found. ``first_bad`` and ``problem`` are None and empty when ``ok``.

    ``head`` is the last good entry's hash in hexadecimal (64 zeros without entries). ``first_bad``
    is also None where no single entry is to blame, as with an unreadable witness. ``warnings``
    tell what weakens the proof without contradicting the trail.
    """

    entries: int
    ok: bool
    head: str
    first_bad: int | None = None
    problem: str = ""
    warnings: tuple[str, ...] = ()


class _Bad(Exception):
    def __init__(self, number: int | None, problem: str) -> None:
        super().__init__(problem)
        self.number = number
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    at: str | None
    texts: tuple[str, str, str, str, str, str]  # actor, role, verb, target, reason, request_id
    before: str
    after: str
    previous_hash: bytes
    hash: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class _Head:
    number: int
    hash: bytes
    signature: bytes


def verify_trail(progress: Progress | None = None) -> Result:
    """Check the trail from the first entry to the last and stop at the first bad one."""
    # The file is read before the database: it never leads, so what it knows must be there.
    seen, distrust = _witness()
    head = canonical.GENESIS
    with transaction.atomic():
        entries, last, last_head = _bounds()
        try:
            for good in _check(seen, entries, last, last_head, progress):
                head = good
            if distrust:
                raise _Bad(None, distrust)
        except _Bad as bad:
            return Result(
                entries=entries,
                ok=False,
                head=head.hex(),
                first_bad=bad.number,
                problem=bad.problem,
                warnings=_warnings(seen, entries),
            )
        return Result(entries=entries, ok=True, head=head.hex(), warnings=_warnings(seen, entries))


def _witness() -> tuple[witness.Witnessed | None, str]:
    """What the file knows, or why it cannot be trusted."""
    try:
        seen = witness.read()
        if seen is None or _signed(keys.public_key(), seen.hash, seen.signature):
            return seen, ""
    except witness.UnreadableWitness as error:
        return None, str(error)
    except keys.NoKey as error:
        return None, f"Nothing can be verified. {error}"
    return None, f"The witness {witness.path()} is not signed with this trail's key."


def _check(
    seen: witness.Witnessed | None,
    entries: int,
    last: int,
    last_head: int,
    progress: Progress | None,
) -> Iterator[bytes]:
    """Yield the hash of each good entry; raise ``_Bad`` at the first bad one."""
    if not entries and not last_head and seen is None:
        return
    try:
        key = keys.public_key()
    except keys.NoKey as error:
        raise _Bad(1, f"Nothing can be verified. {error}") from None
    expected, previous = 1, canonical.GENESIS
    with _heads(last) as heads, _rows(last) as rows:
        for row in rows:
            _check_place(row, expected)
            _check_entry(row, previous, key)
            _check_heads(row, heads.up_to(row.number), key)
            if seen is not None and seen.number == row.number and seen.hash != row.hash:
                raise _Bad(
                    row.number,
                    f"It is not the entry that the witness {witness.path()} knows: the trail was "
                    "cut and written anew.",
                )
            expected, previous = row.number + 1, row.hash
            yield previous
            if progress is not None and row.number % _PROGRESS_EVERY == 0:
                progress(row.number, entries)
    witnessed = max(last_head, seen.number if seen is not None else 0)
    if witnessed >= expected:
        raise _Bad(
            expected,
            f"The trail is empty, but entry {witnessed} was witnessed: it was emptied."
            if expected == 1
            else f"It is missing: the trail ends at entry {expected - 1}, but entry {witnessed} "
            "was witnessed. The end was cut off.",
        )
    if progress is not None:
        progress(entries, entries)


def _check_place(row: _Row, expected: int) -> None:
    if row.number > expected:
        raise _Bad(expected, f"It is missing: entry {row.number} comes next.")
    if row.number < expected:
        raise _Bad(
            row.number,
            "It is there twice." if row.number > 0 else "Its number is below 1: it was inserted.",
        )


def _check_entry(row: _Row, previous: bytes, key: Ed25519PublicKey) -> None:
    if _digest(row) != row.hash:
        elsewhere = _written_as(row)
        if elsewhere is not None:
            raise _Bad(row.number, f"It is out of order: it was written as entry {elsewhere}.")
        raise _Bad(
            row.number,
            "It was changed: what it says does not match its hash"
            + (
                ", which is still the original one."
                if _signed(key, row.hash, row.signature)
                else "."
            ),
        )
    if not _signed(key, row.hash, row.signature):
        raise _Bad(
            row.number,
            "Its signature is not valid: it was changed and its hash computed anew, or it was "
            "inserted.",
        )
    if row.previous_hash != previous:
        raise _Bad(
            row.number,
            f"It does not continue entry {row.number - 1}: its previous hash is another.",
        )


def _check_heads(row: _Row, heads: list[_Head], key: Ed25519PublicKey) -> None:
    for head in heads:
        if head.number < row.number:
            raise _Bad(head.number, "Its head stands twice, or under a wrong number.")
        if head.hash != row.hash and _signed(key, head.hash, head.signature):
            raise _Bad(
                row.number,
                "It is not the entry whose head was witnessed: the trail was cut and written anew.",
            )
        if head.hash != row.hash or head.signature != row.signature:
            raise _Bad(row.number, "Its head in audit_head was changed.")
    if not heads:
        raise _Bad(row.number, "Its head in audit_head is missing.")
    if len(heads) > 1:
        raise _Bad(row.number, "Its head in audit_head is there twice.")


def _digest(row: _Row) -> bytes | None:
    """The hash of what the row says; None when that cannot be a canonical text at all."""
    if row.at is None:
        return None
    actor, role, verb, target, reason, request_id = row.texts
    try:
        return canonical.entry_hash(
            canonical.Content(
                number=row.number,
                at=row.at,
                actor=actor,
                role=role,
                verb=verb,
                target=target,
                before=canonical.read_json(row.before),
                after=canonical.read_json(row.after),
                reason=reason,
                request_id=request_id,
                previous_hash=row.previous_hash,
            )
        )
    except (ValueError, RecursionError):
        return None


def _signed(key: Ed25519PublicKey, digest: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, canonical.signed_message(digest))
    except (InvalidSignature, ValueError):
        return False
    return True


def _written_as(row: _Row) -> int | None:
    """The number under which the database witnessed the row's hash, when it is another one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number FROM audit_head WHERE hash = %s AND number <> %s LIMIT 1",
            [row.hash, row.number],
        )
        found = cursor.fetchone()
    return None if found is None else int(found[0])


def _bounds() -> tuple[int, int, int]:
    """Count of the entries, last number and last witnessed number, all of one moment.

    Rows up to these numbers never change again, so they bound what is read afterwards.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM audit_entry),"
            " coalesce((SELECT max(number) FROM audit_entry), 0),"
            " coalesce((SELECT max(number) FROM audit_head), 0)"
        )
        entries, last, last_head = cursor.fetchone()
    return entries, last, last_head


@contextmanager
def _stream(query: str, last: int) -> Iterator[Iterator[tuple[Any, ...]]]:
    """Rows from a cursor on the server, ``_CHUNK`` at a time."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, [last])
        yield iter(_fetcher(cursor))


def _fetcher(cursor: Any) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(_CHUNK):
        yield from rows


@contextmanager
def _rows(last: int) -> Iterator[Iterator[_Row]]:
    # A moment without canonical form (infinity, or before Christ) comes out as null.
    query = """
        SELECT number,
               CASE WHEN extract(year FROM at AT TIME ZONE 'UTC') BETWEEN 1 AND 9999 THEN
                   to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
               actor, role, verb, target, reason, request_id,
               before::text, after::text, previous_hash, hash, signature
        FROM audit_entry WHERE number <= %s ORDER BY number
    """
    with _stream(query, last) as rows:
        yield (
            _Row(
                number=row[0],
                at=row[1],
                texts=row[2:8],
                before=row[8],
                after=row[9],
                previous_hash=bytes(row[10]),
                hash=bytes(row[11]),
                signature=bytes(row[12]),
            )
            for row in rows
        )


class _Heads:
    """The witnessed heads in order, taken as the entries pass."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._rows = rows
        self._next = self._take()

    def up_to(self, number: int) -> list[_Head]:
        found = []
        while self._next is not None and self._next.number <= number:
            found.append(self._next)
            self._next = self._take()
        return found

    def _take(self) -> _Head | None:
        row = next(self._rows, None)
        return None if row is None else _Head(row[0], bytes(row[1]), bytes(row[2]))


@contextmanager
def _heads(last: int) -> Iterator[_Heads]:
    query = "SELECT number, hash, signature FROM audit_head WHERE number <= %s ORDER BY number, id"
    with _stream(query, last) as rows:
        yield _Heads(rows)


_GUARDS: Final = (
    "audit_entry_append_only",
    "audit_entry_continues_chain",
    "audit_head_append_only",
    "audit_head_of_entry",
)


def _warnings(seen: witness.Witnessed | None, entries: int) -> tuple[str, ...]:
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_trigger WHERE tgname = ANY(%s) AND tgenabled IN ('O', 'A')",
            [list(_GUARDS)],
        )
        if cursor.fetchone()[0] != len(_GUARDS):
            found.append("The triggers that keep the trail append-only are not all switched on.")
    if seen is None and entries:
        found.append(
            f"There is no witness file {witness.path()} on this machine, so only the database's "
            "own record of heads was compared."
        )
    return tuple(found)
