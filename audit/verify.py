"""Checks the whole trail: every entry, link, signature and checkpoint, and both witnesses.

Reads only, in constant memory, so it also runs with a read-only connection and the public key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction

from audit import canonical, keys, merkle, notes, stored, witness
from audit.signers import OFFER, Signers, signed
from audit.stored import Bounds, Checkpoint, Head, Row

Progress = Callable[[int, int], None]
"""Called with the number of entries checked so far and the number of all entries."""

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


def verify_trail(progress: Progress | None = None) -> Result:
    """Check the trail from the first entry to the last and stop at the first bad one."""
    # The file is read before the database: it never leads, so what it knows must be there.
    seen, distrust = _witness()
    head = canonical.GENESIS
    with transaction.atomic():
        bounds = stored.bounds()
        entries = bounds.entries
        try:
            for good in _check(seen, bounds, progress):
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
        if seen is None or any(signed(key, seen.hash, seen.signature) for key in keys.known_keys()):
            return seen, ""
    except witness.UnreadableWitness as error:
        return None, str(error)
    except keys.NoKey as error:
        return None, f"Nothing can be verified. {error}"
    return None, f"The witness {witness.path()} is not signed with this trail's key."


def _check(
    seen: witness.Witnessed | None, bounds: Bounds, progress: Progress | None
) -> Iterator[bytes]:
    """Yield the hash of each good entry; raise ``_Bad`` at the first bad one."""
    if not bounds.entries and not bounds.last_head and not bounds.last_checkpoint and seen is None:
        return
    try:
        own, signers = keys.public_key(), Signers(keys.known_keys())
    except keys.NoKey as error:
        raise _Bad(1, f"Nothing can be verified. {error}") from None
    tree, previous, last = merkle.Tree(), canonical.GENESIS, bounds.last
    with (
        stored.heads(last) as heads,
        stored.checkpoints(last) as checkpoints,
        stored.rows(last) as rows,
    ):
        for row in rows:
            _check_place(row, tree.size + 1)
            _check_entry(row, previous, signers)
            _check_heads(row, heads.up_to(row.number), signers)
            _check_checkpoint(row, checkpoints.before(row.number), tree, previous, signers)
            if seen is not None and seen.number == row.number and seen.hash != row.hash:
                raise _Bad(
                    row.number,
                    f"It is not the entry that the witness {witness.path()} knows: the trail was "
                    "cut and written anew.",
                )
            if row.texts[2] == OFFER:
                _take_offer(row, signers)
            tree.add(row.hash)
            previous = row.hash
            yield previous
            if progress is not None and row.number % _PROGRESS_EVERY == 0:
                progress(row.number, bounds.entries)
    _check_end(tree.size, max(bounds.last_head, bounds.last_checkpoint), seen)
    if not signers.reached(own):
        raise _Bad(
            1,
            f"It and all after it are signed with keys that are retired, none with "
            f"{keys.key_id(own)}, which signs now: the trail was written anew.",
        )
    if progress is not None and bounds.entries % _PROGRESS_EVERY:
        progress(bounds.entries, bounds.entries)


def _check_end(reached: int, recorded: int, seen: witness.Witnessed | None) -> None:
    """Nothing was witnessed or signed beyond the last entry."""
    witnessed = max(recorded, seen.number if seen is not None else 0)
    if witnessed > reached:
        raise _Bad(
            reached + 1,
            f"The trail is empty, but entry {witnessed} was witnessed: it was emptied."
            if not reached
            else f"It is missing: the trail ends at entry {reached}, but entry {witnessed} "
            "was witnessed. The end was cut off.",
        )
    # A checkpoint's own entry follows it in the same transaction.
    if recorded == reached and stored.is_checkpoint(reached):
        raise _Bad(reached + 1, "It is missing: it told of the checkpoint of all before it.")


def _check_place(row: Row, expected: int) -> None:
    if row.number > expected:
        raise _Bad(expected, f"It is missing: entry {row.number} comes next.")
    if row.number < expected:
        raise _Bad(
            row.number,
            "It is there twice." if row.number > 0 else "Its number is below 1: it was inserted.",
        )


def _check_entry(row: Row, previous: bytes, signers: Signers) -> None:
    if _digest(row) != row.hash:
        elsewhere = stored.written_as(row)
        if elsewhere is not None:
            raise _Bad(row.number, f"It is out of order: it was written as entry {elsewhere}.")
        raise _Bad(
            row.number,
            "It was changed: what it says does not match its hash"
            + (
                ", which is still the original one."
                if signers.ever(row.hash, row.signature)
                else "."
            ),
        )
    if not signers.accept(row.hash, row.signature):
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


def _check_heads(row: Row, heads: list[Head], signers: Signers) -> None:
    for head in heads:
        if head.number < row.number:
            raise _Bad(head.number, "Its head stands twice, or under a wrong number.")
        if head.hash != row.hash and signers.ever(head.hash, head.signature):
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


def _check_checkpoint(
    row: Row, found: list[Checkpoint], tree: merkle.Tree, head: bytes, signers: Signers
) -> None:
    """A checkpoint of all before ``row`` is there when ``row`` tells of it, only then, and fits."""
    told = row.texts[2] == "audit.checkpoint"
    for checkpoint in found:
        if not told or checkpoint.size != tree.size:
            raise _Bad(
                checkpoint.size,
                "A checkpoint stands after it of which no entry tells.",
            )
    if not told:
        return
    if not found:
        raise _Bad(row.number, "The checkpoint of which it tells is missing.")
    (checkpoint,) = found
    try:
        statement = notes.Checkpoint.opened(checkpoint.note, signers.active)
    except notes.BadNote as bad:
        raise _Bad(row.number, f"The checkpoint of which it tells is bad. {bad}") from None
    root, after = tree.root(), canonical.read_json(row.after)
    said = (after.get("size"), after.get("root")) if isinstance(after, dict) else ()
    if (
        (statement.size, statement.root, statement.head) != (tree.size, root, head)
        or checkpoint.root != root
        or said != (tree.size, root.hex())
    ):
        raise _Bad(
            row.number,
            "The checkpoint of which it tells does not fit the entries before it: they were "
            "written anew.",
        )


def _take_offer(row: Row, signers: Signers) -> None:
    after = canonical.read_json(row.after)
    try:
        signers.offer(after.get("public_key") if isinstance(after, dict) else None)
    except ValueError:
        raise _Bad(row.number, "It names no key that could sign what follows.") from None


def _digest(row: Row) -> bytes | None:
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
    except (ValueError, TypeError, RecursionError):
        return None


_GUARDS: Final = (
    "audit_checkpoint_append_only",
    "audit_checkpoint_of_trail",
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
    if seen is None and not entries and keys.was_used():
        found.append(
            "There are no entries and no witness file, but a signing key was made: if this system "
            "was in use before, its trail is gone."
        )
    return tuple(found)
