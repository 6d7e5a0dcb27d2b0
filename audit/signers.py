"""Which key may sign which entry. Pure: no Django, no database.

A trail begins under one key. An entry ``audit.offer_key`` names a successor by its public key; the
first entry that the successor signs ends the right of the key before. So whoever trusts one key
can follow the trail through every later one, and a key that leaks after its retirement signs
nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import canonical

OFFER: Final = "audit.offer_key"


class Signers:
    """The keys of a trail as its entries pass; ``known`` are those that are trusted beforehand."""

    def __init__(self, known: Sequence[Ed25519PublicKey]) -> None:
        self._known = list(known)
        self._held: list[Ed25519PublicKey] = []
        self._active: Ed25519PublicKey | None = None
        self._offered: Ed25519PublicKey | None = None

    @property
    def active(self) -> list[Ed25519PublicKey]:
        """The keys that may sign what comes next."""
        if self._active is None:
            return self._known
        return [self._active] + ([self._offered] if self._offered is not None else [])

    def accept(self, digest: bytes, signature: bytes) -> bool:
        """Whether the next entry, with hash ``digest``, is signed by a key that may."""
        for key in self.active:
            if signed(key, digest, signature):
                if key is not self._active:
                    self._active, self._offered = key, None
                    self._held.append(key)
                return True
        return False

    def offer(self, public_key: object) -> None:
        """An ``audit.offer_key`` entry names this key (64 hexadecimal digits).

        Raises ValueError when it is none.
        """
        if not isinstance(public_key, str) or len(public_key) != 64:
            raise ValueError("It names no public key.")
        self._offered = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        self._known.append(self._offered)

    def reached(self, key: Ed25519PublicKey) -> bool:
        """Whether the trail was ever under ``key``, or may be next: a history that somebody wrote
        with a leaked key that was retired never gets there."""
        ends = [*self._held, *([self._offered] if self._offered is not None else [])]
        return any(key.public_bytes_raw() == other.public_bytes_raw() for other in ends)

    def ever(self, digest: bytes, signature: bytes) -> bool:
        """Whether any key of this trail, also a retired one, signed this."""
        return any(signed(key, digest, signature) for key in self._known)


def signed(key: Ed25519PublicKey, digest: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is that of an entry with hash ``digest`` by ``key``."""
    try:
        key.verify(signature, canonical.signed_message(digest))
    except (InvalidSignature, ValueError):
        return False
    return True
