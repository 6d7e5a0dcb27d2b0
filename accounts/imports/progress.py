"""How far each file of an import has come, as it is kept in ``ImportBatch.files``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from accounts.formats.rows import Position

Progress = Callable[[str, float, int], None]
"""Told the name of the file, the share of it that is read (0 to 1), and the rows so far."""


@dataclass(slots=True)
class FileProgress:
    """``path``: where the file is; ``name``: what its sender calls it. ``size`` in bytes and
    ``modified`` in nanoseconds tell whether it is still the same file; ``rejects_bytes``: how much
    of its part of the rejects file is committed."""

    path: str
    name: str
    problem: str = ""
    size: int = -1
    modified: int = 0
    offset: int = 0
    line: int = 1
    row: int = 0
    done: bool = False
    rejects_bytes: int = 0

    @classmethod
    def of(cls, entry: dict[str, Any]) -> Self:
        return cls(**entry)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def position(self) -> Position:
        return Position(self.offset, self.line, self.row)

    def reached(self, position: Position) -> None:
        if position.row > self.row or position.offset > self.offset:
            self.offset, self.line, self.row = position.offset, position.line, position.row

    def begin(self) -> bool:
        """Note which file this is; whether another one was begun under this path before."""
        try:
            status = Path(self.path).stat()
        except OSError:
            return False  # opening it will say why
        changed = self.size >= 0 and (self.size, self.modified) != (
            status.st_size,
            status.st_mtime_ns,
        )
        self.size, self.modified = status.st_size, status.st_mtime_ns
        if changed:
            self.offset, self.line, self.row, self.rejects_bytes = 0, 1, 0, 0
        return changed
