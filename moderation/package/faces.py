"""The faces that the report is set in, and which signs they have letterforms for.

Libertinus Serif comes with typst. What it lacks comes from Noto, which two packages bring: the same
files on every machine, so that the same case gives the same pages.
"""

from __future__ import annotations

import struct
import unicodedata
from collections import defaultdict
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_PACKAGES: Final = ("manimgx_fonts", "noto_cjk_sans_jp_regular")

_FIRST: Final = "Libertinus Serif"
_LATIN: Final = "Noto Sans"
_HINDI: Final = "Noto Sans Devanagari"  # before others that have some of its accents
_MATH: Final = "New Computer Modern Math"  # typst's own too: for names in fancy letters
_LAST: Final = ("Noto Sans CJK JP", "Noto Sans Symbols", "Noto Emoji", _MATH)

# What the faces in typst have letterforms for, as far as names and notes need it.
_OWN: Final = (
    (0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x377), (0x37A, 0x37F), (0x384, 0x3FF),
    (0x400, 0x4FF), (0x1E00, 0x1EFF), (0x2010, 0x2027), (0x202F, 0x205E), (0x20AC, 0x20AC),
    (0x2190, 0x2193), (0x2212, 0x2212),
)  # fmt: skip
_OWN_MATH: Final = (
    (0x1D400, 0x1D454), (0x1D456, 0x1D49C), (0x1D4D0, 0x1D505), (0x1D552, 0x1D6A5),
)  # fmt: skip

# Signs that change how their neighbours are read and show nothing themselves.
_HIDDEN: Final = (
    (0x0, 0x8), (0xB, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C),
    (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x2028, 0x202E),
    (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0),
    (0xE000, 0xF8FF), (0xFFF0, 0xFFFF), (0xE0000, 0xE0FFF), (0xF0000, 0x10FFFF),
)  # fmt: skip


def folders() -> list[Path]:
    """Where the files of the faces lie. Raises RuntimeError where a package is missing."""
    found = []
    for name in _PACKAGES:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise RuntimeError(f"The package {name} is missing: run make setup.")
        found.append(Path(spec.origin).parent)
    return found


@cache
def families() -> list[str]:
    """The faces in the order in which a sign is looked for in them."""
    rest = {_family(path) for path in _files()} - {_LATIN, _HINDI, *_LAST}
    return [_FIRST, _LATIN, _HINDI, *sorted(rest), *_LAST]


@cache
def shown() -> frozenset[int]:
    """The code points that have a letterform and show what they are."""
    hidden = {code for first, last in _HIDDEN for code in range(first, last + 1)}
    return frozenset().union(*_covered_by_face()) - hidden


@cache
def marks() -> frozenset[int]:
    """Those of them that are set onto the sign before."""
    return frozenset(code for code in shown() if unicodedata.category(chr(code))[0] == "M")


@lru_cache(maxsize=10_000)
def carries(base: int, mark: int) -> bool:
    """Whether the mark comes out on the sign before it, both of them ``shown``.

    Where the face that has the sign lacks the mark, or an earlier face has the mark alone, typst
    sets the mark by itself and loses the sign.
    """
    has_base = next((face for face in _covered_by_face() if base in face), frozenset())
    has_mark = next((face for face in _covered_by_face() if mark in face), None)
    return has_base is has_mark


@cache
def _covered_by_face() -> tuple[frozenset[int], ...]:
    """What each face has, in the order of ``families``."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for ranges, family in ((_OWN, _FIRST), (_OWN_MATH, _MATH)):
        found[family] |= {code for first, last in ranges for code in range(first, last + 1)}
    for path in _files():
        found[_family(path)] |= _covered(path)
    return tuple(frozenset(found[family]) for family in families())


def _files() -> list[Path]:
    # The slanted one has the same letterforms
    return sorted(
        path
        for folder in folders()
        for path in folder.iterdir()
        if path.suffix in (".ttf", ".otf") and "Italic" not in path.name
    )


def _tables(data: bytes) -> dict[bytes, int]:
    """Where each table of a font begins."""
    (count,) = struct.unpack_from(">H", data, 4)
    entries = (struct.unpack_from(">4sIII", data, 12 + 16 * n) for n in range(count))
    return {tag: start for tag, _, start, _ in entries}


def _family(path: Path) -> str:
    """The family that a font says it is of."""
    data = path.read_bytes()
    start = _tables(data)[b"name"]
    _, count, texts = struct.unpack_from(">HHH", data, start)
    names = {}
    for n in range(count):
        platform, _, _, name, size, offset = struct.unpack_from(">6H", data, start + 6 + 12 * n)
        if platform == 3 and name in (1, 16):
            begin = start + texts + offset
            names[name] = data[begin : begin + size].decode("utf-16-be")
    return names.get(16) or names[1]


def _covered(path: Path) -> set[int]:
    """The code points that a font maps to glyphs: format 12 of its table, the one that has all."""
    data = path.read_bytes()
    start = _tables(data)[b"cmap"]
    (count,) = struct.unpack_from(">H", data, start + 2)
    found: set[int] = set()
    for n in range(count):
        platform, _, offset = struct.unpack_from(">HHI", data, start + 4 + 8 * n)
        (kind,) = struct.unpack_from(">H", data, start + offset)
        if platform in (0, 3) and kind == 12:
            found |= _segmented(data, start + offset)
        elif platform in (0, 3) and kind == 4:
            found |= _ranged(data, start + offset)
    return found


def _segmented(data: bytes, at: int) -> set[int]:
    (count,) = struct.unpack_from(">I", data, at + 12)
    groups = (struct.unpack_from(">III", data, at + 16 + 12 * n) for n in range(count))
    return {code for first, last, glyph in groups for code in range(first, last + 1) if glyph}


def _ranged(data: bytes, at: int) -> set[int]:
    (doubled,) = struct.unpack_from(">H", data, at + 6)
    segments = doubled // 2
    lasts = struct.unpack_from(f">{segments}H", data, at + 14)
    firsts = struct.unpack_from(f">{segments}H", data, at + 16 + doubled)
    return {
        code
        for first, last in zip(firsts, lasts, strict=True)
        for code in range(first, last + 1)
        if code != 0xFFFF
    }
