"""What every reader gives: raw columns of one table, the line of each row, and rows it refused."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Table = Literal["accounts", "ties", "events"]

TABLES: Final[tuple[Table, ...]] = ("accounts", "ties", "events")

COLUMNS: Final[dict[Table, tuple[str, ...]]] = {
    "accounts": (
        "account_id", "display_name", "birth_date", "birth_year", "age_band", "age_source",
        "gender", "region", "community", "role", "created_at", "status",
    ),
    "ties": ("a", "b", "kind", "since", "until"),
    "events": ("event_id", "type", "actor", "object", "published", "region"),
}  # fmt: skip
"""The columns that an import file may have, per table."""

REQUIRED: Final[dict[Table, tuple[str, ...]]] = {
    "accounts": ("account_id",),
    "ties": ("a", "b", "kind"),
    "events": ("event_id", "type", "actor", "object", "published"),
}

WHOLE_ROW: Final = "row"
"""Stands for the field where a row is wrong as a whole; ``HEADER`` and ``WHOLE_FILE`` likewise."""
HEADER: Final = "header"
WHOLE_FILE: Final = "file"


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not imported: where it stands, what is wrong and what to do about it.

    ``value`` is what ``field`` holds, and ``row`` the row's own columns, so that both can be
    corrected and imported again.
    """

    line: int
    field: str
    value: str
    reason: str
    row: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading goes on: bytes (after decompression) and rows read, and the next line."""

    offset: int = 0
    line: int = 1
    row: int = 0


@dataclass(slots=True)
class RawBatch:
    """Rows of one table as text. In ``columns`` null means *not stated*, "" *stated as empty*.

    ``lines`` is the 1-based line of each row in its file (for Parquet: the number of the row).
    ``position`` is where the file goes on after this batch, ``share`` how much of it is read.
    """

    table: Table
    columns: dict[str, pa.Array]
    lines: NDArray[np.int64]
    rejects: list[Reject] = dataclasses.field(default_factory=list)
    position: Position = dataclasses.field(default_factory=Position)
    share: float = 0.0

    def __len__(self) -> int:
        return len(self.lines)


class FileProblem(Exception):
    """A file cannot be read, or not further. The message says why and what to do."""

    def __init__(self, message: str, *, line: int = 1, field: str = WHOLE_FILE) -> None:
        super().__init__(message)
        self.message, self.line, self.field = message, line, field

    def as_reject(self) -> Reject:
        return Reject(self.line, self.field, "", self.message)


VALUE_LENGTH: Final = 300
"""Characters of a value that a reject keeps: more than any column takes, so no cut one fits."""


def cut(value: str) -> str:
    """``value`` as a reject keeps it."""
    return value if len(value) <= VALUE_LENGTH else value[: VALUE_LENGTH - 1] + "…"


def shortened(value: str, length: int = 120) -> str:
    """``value`` for a message: one line, at most ``length`` characters."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value[:length])
    return text if len(value) <= length else text[: length - 1] + "…"
