"""The text of a checkpoint and its signature. Pure: no Django, no database.

A checkpoint states what the whole trail was at one moment. Its form is the *signed note* of the
transparency logs (C2SP `signed-note` and `tlog-checkpoint`), so that their tools read it too:

    sightline.audit/<16 hexadecimal digits>     the trail: the start of entry 1's hash
    <number of entries, decimal>
    <root of the Merkle tree over them, base64; see ``audit.merkle``>
    at <time as in audit.canonical>
    head <hash of the last of these entries, hexadecimal>
                                                (an empty line)
    — <the trail again> <base64 of key hash, 4 bytes, and Ed25519 signature, 64 bytes>

(without the indentation; every line ends with U+000A). The signature covers the text before the
empty line, its last line end included. The key hash is the first 4 bytes of
``SHA-256( trail 0x0A 0x01 public key )``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_FORM: Final = re.compile(
    r"(?P<body>(?P<trail>sightline\.audit/[0-9a-f]{16})\n"
    r"(?P<size>[1-9][0-9]{0,17})\n"
    r"(?P<root>[A-Za-z0-9+/]{43}=)\n"
    r"at (?P<at>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z)\n"
    r"head (?P<head>[0-9a-f]{64})\n)"
    r"\n"
    r"— (?P=trail) (?P<signature>[A-Za-z0-9+/]{91}=)\n"
)


class BadNote(ValueError):
    """The text is no checkpoint, or none of the keys signed it. The message says which."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the first ``size`` entries of ``trail`` were at ``at`` (canonical form)."""

    trail: str
    size: int
    root: bytes
    at: str
    head: bytes

    @property
    def body(self) -> str:
        """The text that is signed."""
        root = base64.b64encode(self.root).decode()
        return f"{self.trail}\n{self.size}\n{root}\nat {self.at}\nhead {self.head.hex()}\n"

    def signed(self, key: Ed25519PrivateKey) -> str:
        """The whole note, signed with ``key``."""
        stamp = _key_hash(self.trail, key.public_key()) + key.sign(self.body.encode())
        return f"{self.body}\n— {self.trail} {base64.b64encode(stamp).decode()}\n"

    @classmethod
    def opened(cls, note: str, keys: Collection[Ed25519PublicKey]) -> Self:
        """The checkpoint in ``note``, which one of ``keys`` must have signed. Raises BadNote."""
        found = _FORM.fullmatch(note)
        if found is None:
            raise BadNote("The checkpoint does not have the form of one.")
        try:
            root = _decoded(found["root"])
            stamp = _decoded(found["signature"])
        except binascii.Error:
            raise BadNote("The checkpoint holds characters that are no base64.") from None
        if not any(_signed(key, found["trail"], found["body"], stamp) for key in keys):
            raise BadNote("The checkpoint is not signed with this key.")
        return cls(
            trail=found["trail"],
            size=int(found["size"]),
            root=root,
            at=found["at"],
            head=bytes.fromhex(found["head"]),
        )


def trail_name(first_hash: bytes) -> str:
    """How checkpoints name the trail whose entry 1 has this hash."""
    return f"sightline.audit/{first_hash.hex()[:16]}"


def _signed(key: Ed25519PublicKey, trail: str, body: str, stamp: bytes) -> bool:
    if stamp[:4] != _key_hash(trail, key):
        return False
    try:
        key.verify(stamp[4:], body.encode())
    except InvalidSignature:
        return False
    return True


def _key_hash(trail: str, key: Ed25519PublicKey) -> bytes:
    return hashlib.sha256(trail.encode() + b"\n\x01" + key.public_bytes_raw()).digest()[:4]


def _decoded(text: str) -> bytes:
    """Base64 in its one canonical spelling: spare bits that are set make a second spelling."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise binascii.Error
    return data
