"""Proof that entries stand in the trail, which anybody checks with the public key alone.

Pure: no Django, no database, no network. ``audit.checkpoints.proof_of`` fetches what ``prove``
needs; ``python -m audit.offline FILE KEY.pem`` checks a file, also where there is no database.

A proof is one JSON object:

    {"format": "sightline-audit-proof-v1",
     "checkpoint": "…",                       signed note, see ``audit.notes``
     "entries": [{"number": …, "at": …, …,    the members of ``audit.canonical``'s canonical text
                  "path": ["…", …]}, …]}      hexadecimal, from the leaf towards the root

An entry's hash follows from its members; ``path`` (RFC 9162, section 2.1.3) leads from there to the
root of the tree that the checkpoint signs. Entries are in the order of their numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import canonical, merkle
from audit.notes import BadNote, Checkpoint

FORMAT: Final = "sightline-audit-proof-v1"

_TEXTS: Final = ("at", "actor", "role", "verb", "target", "reason", "request_id")
_MEMBERS: Final = frozenset({"number", "before", "after", "previous_hash", "path", *_TEXTS})
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class BadProof(ValueError):
    """The proof proves nothing. The message says why, and names the entry where one is to blame."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a good proof shows: these entries stood in ``trail`` when the checkpoint was signed."""

    trail: str
    at: str
    size: int
    numbers: tuple[int, ...]


def prove(
    contents: Iterable[canonical.Content], note: str, paths: Mapping[int, Sequence[bytes]]
) -> dict[str, Any]:
    """The proof of ``contents`` under the checkpoint ``note``; ``paths`` by number of the entry."""
    return {
        "format": FORMAT,
        "checkpoint": note,
        "entries": [
            {
                "number": content.number,
                **{name: getattr(content, name) for name in _TEXTS},
                "before": content.before,
                "after": content.after,
                "previous_hash": content.previous_hash.hex(),
                "path": [beside.hex() for beside in paths[content.number]],
            }
            for content in sorted(contents, key=lambda content: content.number)
        ],
    }


def read(text: str) -> Any:
    """Parse the JSON text of a proof. Raises BadProof, also for a member that is there twice."""
    try:
        return json.loads(text, parse_float=Decimal, object_pairs_hook=_members)
    except (ValueError, RecursionError) as error:
        raise BadProof(f"This is no proof: {error}") from None


def check(proof: Any, keys: Ed25519PublicKey | Collection[Ed25519PublicKey]) -> Checked:
    """Check a proof, as ``read`` or ``prove`` gives it, against the public key or any of several.

    Raises BadProof for everything that is not exactly a proof: a changed, missing or additional
    member, another order, another key.
    """
    keys = [keys] if isinstance(keys, Ed25519PublicKey) else keys
    if not isinstance(proof, dict) or proof.keys() != {"format", "checkpoint", "entries"}:
        raise BadProof("This is no proof: it needs format, checkpoint and entries, and no more.")
    if proof["format"] != FORMAT:
        raise BadProof(f"This is no proof of the form {FORMAT}.")
    if not isinstance(proof["checkpoint"], str) or not isinstance(proof["entries"], list):
        raise BadProof("Its checkpoint must be a text and its entries a list.")
    try:
        checkpoint = Checkpoint.opened(proof["checkpoint"], keys)
    except BadNote as bad:
        raise BadProof(str(bad)) from None
    numbers = tuple(_checked(entry, checkpoint) for entry in proof["entries"])
    if list(numbers) != sorted(set(numbers)):
        raise BadProof("Its entries are out of order, or one is there twice.")
    return Checked(checkpoint.trail, checkpoint.at, checkpoint.size, numbers)


def _checked(entry: Any, checkpoint: Checkpoint) -> int:
    """The number of the entry that ``entry`` proves."""
    if not isinstance(entry, dict) or entry.keys() != _MEMBERS:
        raise BadProof("An entry lacks members, or has more than it should.")
    number, path = entry["number"], entry["path"]
    if type(number) is not int or not 1 <= number <= checkpoint.size:
        raise BadProof(f"Entry {number!r} is not among those that the checkpoint covers.")
    texts = [entry[name] for name in _TEXTS]
    hashes = [entry["previous_hash"], *path] if isinstance(path, list) else [None]
    if not all(isinstance(text, str) for text in texts) or not all(map(_is_hash, hashes)):
        raise BadProof(f"Entry {number} holds values of the wrong kind.")
    try:
        digest = canonical.entry_hash(
            canonical.Content(
                number=number,
                **{name: entry[name] for name in _TEXTS},
                before=entry["before"],
                after=entry["after"],
                previous_hash=bytes.fromhex(entry["previous_hash"]),
            )
        )
        root = merkle.root_of(
            digest, number - 1, checkpoint.size, [bytes.fromhex(beside) for beside in path]
        )
    except (ValueError, TypeError, RecursionError) as error:
        raise BadProof(f"Entry {number}: {error}") from None
    if root != checkpoint.root:
        raise BadProof(
            f"Entry {number} does not lead to the checkpoint's root: it was changed, or never "
            "stood in this trail."
        )
    if number == checkpoint.size and digest != checkpoint.head:
        raise BadProof(f"Entry {number} is not the head that the checkpoint names.")
    return number


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is there twice")
    return found


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None
