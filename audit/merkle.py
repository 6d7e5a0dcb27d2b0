"""A Merkle tree over the trail. Pure: no Django, no database.

Hashes as in RFC 6962 (Certificate Transparency), section 2.1, repeated in RFC 9162, section 2.1:

    leaf(d)    = SHA-256( 0x00 d )            d: the 32 bytes of an entry's hash
    node(l, r) = SHA-256( 0x01 l r )
    root of n leaves: split at the largest power of two below n; root of no leaves: SHA-256()

The tree is built by adding leaves from the left and holds only the roots of its complete subtrees
(``peaks``, at most one for each binary digit of the size), so a million entries take a few hundred
bytes, and building goes on from stored peaks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

EMPTY_ROOT = hashlib.sha256().digest()


def leaf(data: bytes) -> bytes:
    """Hash of a leaf that holds ``data``, 32 bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Hash of a node over the hashes of its two sides, 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree, and the inclusion paths of the leaves that it is told to watch.

    ``size`` leaves are in it; ``watched`` are indexes, from 0, of leaves that are still to come.
    Raises ValueError when the peaks do not fit the size or a watched leaf has gone by.
    """

    def __init__(
        self, size: int = 0, peaks: Sequence[bytes] = (), watched: Iterable[int] = ()
    ) -> None:
        if size < 0 or len(peaks) != size.bit_count():
            raise ValueError(f"{len(peaks)} peaks do not make a tree of {size} leaves.")
        self.size = size
        self._paths: dict[int, list[bytes]] = {index: [] for index in watched}
        if any(index < size for index in self._paths):
            raise ValueError("A watched leaf is in the tree already.")
        # With each peak the watched leaves below it.
        self._peaks: list[tuple[bytes, list[int]]] = [(peak, []) for peak in peaks]

    @property
    def peaks(self) -> list[bytes]:
        """Roots of the complete subtrees, the largest first."""
        return [peak for peak, _ in self._peaks]

    def add(self, data: bytes) -> None:
        """Put a leaf with ``data`` at the right end."""
        held = [self.size] if self.size in self._paths else []
        peak = (leaf(data), held)
        merging = self.size
        while merging & 1:
            peak = self._joined(self._peaks.pop(), peak, self._paths)
            merging >>= 1
        self._peaks.append(peak)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves, 32 bytes."""
        return self._folded({})

    def paths(self) -> dict[int, list[bytes]]:
        """For each watched leaf in the tree the hashes beside its way to the root, from below."""
        paths = {index: list(path) for index, path in self._paths.items() if index < self.size}
        self._folded(paths)
        return paths

    def _folded(self, paths: dict[int, list[bytes]]) -> bytes:
        if not self._peaks:
            return EMPTY_ROOT
        *others, last = self._peaks
        for peak in reversed(others):
            last = self._joined(peak, last, paths)
        return last[0]

    @staticmethod
    def _joined(
        left: tuple[bytes, list[int]],
        right: tuple[bytes, list[int]],
        paths: dict[int, list[bytes]],
    ) -> tuple[bytes, list[int]]:
        if paths:
            for index in left[1]:
                paths[index].append(right[0])
            for index in right[1]:
                paths[index].append(left[0])
        return node(left[0], right[0]), left[1] + right[1]


def root_of(data: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a leaf with ``data`` at ``index`` of ``size`` leaves leads to along ``path``.

    The algorithm of RFC 9162, section 2.1.3.2. Raises ValueError for a path of the wrong length or
    an index outside the tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"Leaf {index} is not among {size} leaves.")
    result, position, last = leaf(data), index, size - 1
    for beside in path:
        if last == 0:
            raise ValueError("The path is too long.")
        if position & 1 or position == last:
            result = node(beside, result)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            result = node(result, beside)
        position >>= 1
        last >>= 1
    if last:
        raise ValueError("The path is too short.")
    return result
