"""Drawing accounts by chance: a keyed hash of each account, the same however often it is asked.

Pure. Which accounts are drawn follows from their number, the key and the share alone, so it says
nothing about a score and nobody without the key can foresee it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

KEY_BYTES: Final = 16
_PLACES: Final = 2.0**64


@dataclass(frozen=True, slots=True)
class Sample:
    """A draw of ``share`` (0 to 1) of all accounts under ``key`` (16 bytes)."""

    key: bytes = field(repr=False)
    share: float

    def places(self, accounts: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Where each account stands in the draw, evenly spread over all 64-bit numbers.

        The account's number enciphered by AES, a block each: equal blocks stand for equal accounts,
        which is what is wanted here, and a million take some hundredths of a second.
        """
        blocks = np.zeros((len(accounts), 2), "<u8")
        blocks[:, 0] = accounts
        cipher = Cipher(algorithms.AES(self.key), modes.ECB())  # noqa: S305 - see above
        found = np.frombuffer(cipher.encryptor().update(blocks.tobytes()), "<u8")
        return found.reshape(-1, 2)[:, 0].astype(np.uint64)

    def drawn(self, accounts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of ``accounts`` are drawn. A larger share draws the same ones and more."""
        return np.asarray(self.places(accounts) < self.share * _PLACES)

    def place_of(self, accounts: Sequence[int]) -> dict[int, int]:
        """Those of ``accounts`` that are drawn, each with its place."""
        numbers = np.array(accounts, np.int64)
        places = self.places(numbers)
        there = places < self.share * _PLACES
        return dict(zip(numbers[there].tolist(), places[there].tolist(), strict=True))
