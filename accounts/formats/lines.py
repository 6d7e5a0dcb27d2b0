"""Blocks of whole lines out of a stream, in bounded memory, each line with its number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from accounts.formats.rows import WHOLE_ROW, FileProblem, Position, Reject, shortened
from accounts.formats.source import Source

BLOCK_BYTES: Final = 8 * 1024 * 1024
BLOCK_ROWS: Final = 200_000
"""Lines in a block at most: each costs memory beyond its bytes, however short it is."""
LONGEST_LINE: Final = 1024 * 1024
"""Bytes. No row of these tables comes near; a longer line is refused and passed over."""

_NEWLINE: Final = 10
_LONGEST_MARK: Final = 4
_BOMS: Final = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(slots=True)
class Block:
    """Whole lines. ``final``: what is open at its end is not continued in the next block."""

    data: bytes
    first_line: int
    offset: int
    final: bool
    rejects: list[Reject] = field(default_factory=list)


class Lines:
    """Cuts ``source`` into blocks of whole lines.

    A line longer than ``LONGEST_LINE`` becomes a reject of the block that follows it.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._carry = b""
        self._offset = 0
        self._line = 1
        self._old_mac = False
        self._needs_more = False  # of the last block nothing could be used: it must be longer
        self._begin()

    def _begin(self) -> None:
        """Look at the start: drop a byte-order mark, refuse what is no UTF-8 text."""
        start = b""
        while len(start) < _LONGEST_MARK and (
            piece := self._source.read(min(64 * 1024, BLOCK_BYTES))
        ):
            start += piece
        if start.startswith(b"PK\x03\x04"):
            raise FileProblem("This is a zip archive or an Excel file; export it as CSV (UTF-8).")
        encoding = _BOMS.get(start[:2])
        if encoding is None and b"\x00" in start.partition(b"\n")[0]:
            encoding = "UTF-16 or not text at all"
        if encoding is not None:
            raise FileProblem(
                f"The text is not UTF-8 (it looks like {encoding}); save the file as UTF-8.",
                field="encoding",
            )
        if start.startswith(b"\xef\xbb\xbf"):
            start = start[3:]
            self._offset = 3
        # Line ends as on the first Macs: nothing but carriage returns.
        self._old_mac = b"\r" in start[:-1] and b"\n" not in start
        self._carry = self._unix(start)

    def _unix(self, data: bytes) -> bytes:
        return data.replace(b"\r", b"\n") if self._old_mac else data

    @property
    def position(self) -> tuple[int, int]:
        """Bytes consumed, and the number of the next line."""
        return self._offset, self._line

    @property
    def share(self) -> float:
        return self._source.share

    def go_to(self, position: Position) -> None:
        """Go on at ``position``, which an earlier reading of the same file reached."""
        self._source.skip_to(position.offset)
        self._carry, self._offset, self._line = b"", position.offset, position.line

    def first_line(self) -> bytes:
        """The first line with anything on it, without its end; empty for an empty file.

        Raises FileProblem where it is longer than a header can be.
        """
        while True:
            while b"\n" not in self._carry:
                piece = self._source.read(min(64 * 1024, BLOCK_BYTES))
                if not piece or len(self._carry) > LONGEST_LINE:
                    break
                self._carry += self._unix(piece)
            line, newline, rest = self._carry.partition(b"\n")
            if len(line) > LONGEST_LINE:
                raise FileProblem(
                    "The first line is longer than 1 MiB, so it is no header; "
                    "check that this is a text file with one row a line."
                )
            self._carry = rest
            self._offset += len(line) + len(newline)
            self._line += 1
            if line.strip() or not newline:
                return line.rstrip(b"\r")

    def next_block(self) -> Block | None:
        """The next lines, or None at the end."""
        rejects: list[Reject] = []
        while True:
            data, ended = self._next_data()
            if not data:
                return self._block(b"", True, rejects) if rejects else None
            end = len(data) if ended else data.rfind(b"\n") + 1
            longest = _first_long_line(data[:end] if end else data)
            if longest is None and end:
                self._carry = data[end:] + self._carry
                return self._block(data[:end], ended, rejects)
            if longest is None:
                self._carry = data
                continue
            if longest > 0:
                self._carry = data[longest:] + self._carry
                return self._block(data[:longest], True, rejects)
            rejects.append(
                Reject(
                    self._line,
                    WHOLE_ROW,
                    shortened(data[:200].decode("utf-8", "replace")),
                    "The line is longer than 1 MiB and was passed over; "
                    "check the line ends and quotation marks around it.",
                )
            )
            self._pass_over(data)

    def _next_data(self) -> tuple[bytes, bool]:
        """What comes next, with no more lines than a block may have, and whether it is the last."""
        data, self._carry = self._carry, b""
        cut, ended = self._end_of_rows(data), False
        if cut is None:
            piece = self._unix(self._source.read(BLOCK_BYTES))
            data, ended = data + piece, not piece
            cut = self._end_of_rows(data)
        if cut is not None:
            data, self._carry, ended = data[:cut], data[cut:], False
        return data, ended

    def _end_of_rows(self, data: bytes) -> int | None:
        """Where ``BLOCK_ROWS`` lines end, if more follow."""
        if self._needs_more or data.count(b"\n") <= BLOCK_ROWS:
            return None
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == _NEWLINE)
        return int(ends[BLOCK_ROWS - 1]) + 1

    def _block(self, data: bytes, final: bool, rejects: list[Reject]) -> Block:
        self._needs_more = False
        block = Block(data, self._line, self._offset, final, rejects)
        self._offset += len(data)
        self._line += data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
        return block

    def _pass_over(self, data: bytes) -> None:
        while True:
            line, newline, rest = data.partition(b"\n")
            self._offset += len(line) + len(newline)
            if newline:
                self._carry = rest + self._carry
                self._line += 1
                return
            data = self._unix(self._source.read(BLOCK_BYTES))
            if not data:
                return

    def put_back(self, block: Block, used: int) -> None:
        """Let the next block begin ``used`` bytes into ``block``, at the start of a line."""
        rest = block.data[used:]
        self._needs_more = not used
        self._carry = rest + self._carry
        self._offset -= len(rest)
        self._line = block.first_line + block.data[:used].count(b"\n")


def _first_long_line(data: bytes) -> int | None:
    """Where the first line longer than ``LONGEST_LINE`` starts, if there is one."""
    if len(data) <= LONGEST_LINE:
        return None
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == _NEWLINE)
    starts = np.concatenate(([0], ends + 1))
    lengths = np.diff(np.concatenate((starts, [len(data) + 1])))
    long = np.flatnonzero(lengths > LONGEST_LINE + 1)
    return int(starts[long[0]]) if len(long) else None
