"""The tree against the definition in RFC 6962, section 2.1, and the vectors of its authors."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.merkle import EMPTY_ROOT, Tree, root_of

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Of the first 0 to 8 leaves, from the tests of Google's certificate-transparency-go."""


def defined_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = defined_root(leaves[:split]), defined_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def defined_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*defined_path(index, leaves[:split]), defined_root(leaves[split:])]
    return [*defined_path(index - split, leaves[split:]), defined_root(leaves[:split])]


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_certificate_transparency(size: int) -> None:
    tree = Tree()
    for data in LEAVES[:size]:
        tree.add(data)
    assert tree.root().hex() == ROOTS[size]


def test_no_leaves() -> None:
    assert Tree().root() == EMPTY_ROOT == defined_root([])


@given(st.integers(1, 70), st.data())
def test_roots_and_paths_are_as_defined_however_the_building_was_interrupted(
    size: int, data: st.DataObject
) -> None:
    leaves = [bytes([number]) for number in range(size)]
    stop = data.draw(st.integers(0, size - 1))
    watched = data.draw(st.sets(st.integers(stop, size - 1), max_size=5))
    first = Tree()
    for leaf in leaves[:stop]:
        first.add(leaf)
    tree = Tree(first.size, first.peaks, watched)
    for leaf in leaves[stop:]:
        tree.add(leaf)
    assert tree.root() == defined_root(leaves)
    paths = tree.paths()
    assert paths == {index: defined_path(index, leaves) for index in watched}
    assert tree.paths() == paths
    for index, path in paths.items():
        assert root_of(leaves[index], index, size, path) == tree.root()


@given(st.integers(1, 40), st.data())
def test_a_path_proves_one_leaf_in_one_place(size: int, data: st.DataObject) -> None:
    leaves = [bytes([number]) for number in range(size)]
    root = defined_root(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = defined_path(index, leaves)
    assert root_of(b"other", index, size, path) != root
    elsewhere = data.draw(st.integers(0, size - 1).filter(lambda other: other != index) | st.none())
    if elsewhere is not None and size > 1:
        try:
            assert root_of(leaves[index], elsewhere, size, path) != root
        except ValueError:
            assert len(defined_path(elsewhere, leaves)) != len(path)
    for wrong in (path[:-1], [*path, root]):
        if wrong != path:
            with pytest.raises(ValueError, match="too"):
                root_of(leaves[index], index, size, wrong)


@pytest.mark.parametrize("index", [-1, 5])
def test_a_leaf_outside_the_tree_has_no_root(index: int) -> None:
    with pytest.raises(ValueError, match="not among"):
        root_of(b"x", index, 5, [])


def test_peaks_and_size_must_fit_and_watched_leaves_be_to_come() -> None:
    with pytest.raises(ValueError, match="do not make a tree"):
        Tree(3, [b"x" * 32])
    with pytest.raises(ValueError, match="already"):
        Tree(2, [b"x" * 32], watched=[1])
