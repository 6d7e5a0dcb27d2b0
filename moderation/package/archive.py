"""The zip around a package: one way to write it, so that every byte of it can be checked.

Members are stored without compression (what deflates to which bytes differs between versions of
zlib), in a fixed order, with a fixed time. ``pack(unpack(data)) == data`` for what ``pack`` wrote,
and for nothing else with the same members: a changed byte anywhere, also in a header that zip
programs overlook, makes the two differ.
"""

from __future__ import annotations

import io
import itertools
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_FILE_MODE: Final = 0o100600 << 16

# What zipfile raises for damaged archives, as it finds them.
_DAMAGE: Final = (
    zipfile.BadZipFile,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)


class Damaged(Exception):
    """These bytes are no package as ``pack`` writes it. The message says where."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The members of an archive, and where each begins and ends in it (header included)."""

    files: dict[str, bytes]
    places: dict[str, tuple[int, int]]

    def at(self, offset: int) -> str:
        """What stands at a byte of the archive, in words."""
        for name, (start, end) in self.places.items():
            if start <= offset < end:
                return name
        return "the list of contents at the end"


def pack(files: Mapping[str, bytes]) -> bytes:
    """The archive of ``files``, in the order given."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, _EARLIEST)
            info.create_system = _UNIX
            info.external_attr = _FILE_MODE
            archive.writestr(info, data)
    return out.getvalue()


def unpack(data: bytes) -> Unpacked:
    """The members of an archive. Raises Damaged where it cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = sorted(archive.infolist(), key=lambda info: info.header_offset)
            files = {}
            for info in members:
                if info.filename in files:
                    raise Damaged(f"{shown(info.filename)} is in the package twice.")
                if info.compress_type != zipfile.ZIP_STORED:
                    raise Damaged(
                        f"{shown(info.filename)} is compressed, which no package's files are."
                    )
                files[info.filename] = _read(archive, info)
            starts = [info.header_offset for info in members] + [archive.start_dir]
    except _DAMAGE as error:
        raise Damaged(f"The package cannot be read as a zip file: {shown(str(error))}.") from None
    places = dict(zip(files, itertools.pairwise(starts), strict=True))
    return Unpacked(files, places)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(info)
    except _DAMAGE as error:
        raise Damaged(
            f"{shown(info.filename)}, {info.file_size:,} bytes from byte "
            f"{info.header_offset:,} of the package, is not as it was written "
            f"({shown(str(error))})."
        ) from None


def shown(name: str) -> str:
    """What an archive calls something, fit for a terminal: whoever made it may have meant harm."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in name[:120])


def first_difference(one: bytes, other: bytes) -> int | None:
    """The first place at which two texts of bytes differ; None where they are equal."""
    if one == other:
        return None
    shorter = min(len(one), len(other))
    return next((i for i in range(shorter) if one[i] != other[i]), shorter)
