"""A file as a stream of bytes, unpacked when it is gzip, within limits."""

from __future__ import annotations

import gzip
import stat
import zlib
from pathlib import Path
from typing import IO, Final, Self

from accounts.formats.rows import FileProblem

BOMB_RATIO: Final = 200
"""A file that unpacks to more than this many times its size is stopped; tables reach 5 to 30."""

_HARMLESS_BYTES: Final = 64 * 1024 * 1024
"""However well it is packed, so much may come out before the ratio counts."""

_SKIP_BYTES: Final = 8 * 1024 * 1024


class Source:
    """Reads one file from start to end. Use as a context manager.

    Every method raises FileProblem when the file cannot be read, or not further.
    """

    def __init__(self, path: Path) -> None:
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its other end
                raise FileProblem("This is not an ordinary file.")
            self._file: IO[bytes] = path.open("rb")
        except OSError as error:
            raise FileProblem(f"The file cannot be read: {error.strerror}.") from None
        self.size = status.st_size
        self.compressed = self._file.read(2) == b"\x1f\x8b"
        self._file.seek(0)
        self._stream = gzip.GzipFile(fileobj=self._file) if self.compressed else self._file
        self._out = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        try:
            piece = self._stream.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise FileProblem(
                "The compressed data are damaged or end early; what came before is imported. "
                "Send the file again."
            ) from None
        except OSError as error:
            raise FileProblem(f"The file cannot be read further: {error.strerror}.") from None
        self._out += len(piece)
        if self.compressed and self._out > max(_HARMLESS_BYTES, BOMB_RATIO * self._file.tell()):
            raise FileProblem(
                f"The file unpacks to more than {BOMB_RATIO} times its size and was not read "
                "further; send it uncompressed if it is what it says."
            )
        return piece

    def skip_to(self, offset: int) -> None:
        """Go to byte ``offset`` of the unpacked content."""
        if not self.compressed:
            self._file.seek(offset)
            return
        while self._out < offset:
            if not self.read(min(_SKIP_BYTES, offset - self._out)):
                return

    @property
    def share(self) -> float:
        """How much of the file is read, 0 to 1."""
        return min(1.0, self._file.tell() / self.size) if self.size else 1.0
