"""The columns of one batch under examination: which rows are still good, and why others are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from accounts.formats.rows import Position, RawBatch, Reject, Table, cut

Mask = NDArray[np.bool_]
Reason = str | Callable[[str], str]
"""Why a row is refused: a sentence, or a function from the value to one."""

LONGEST_ID: Final = 255
_CONTROL: Final = r"[\x00-\x1f\x7f-\x{9f}]"
_MISSING: Final = "This is required and is empty or missing; fill it in."


@dataclass(slots=True)
class Rows:
    """Rows that passed. ``columns`` are typed, null for "none"; a column that the batch did not
    have is missing. ``stated``: per column which rows state it, where not all do.

    ``raw`` keeps the text as it came, for rows that are refused later. ``future``: the latest time
    beyond now, if there is any, and how many rows have one.
    """

    table: Table
    columns: dict[str, pa.Array]
    stated: dict[str, Mask]
    raw: dict[str, pa.Array]
    lines: NDArray[np.int64]
    rejects: list[Reject]
    position: Position
    share: float
    future: tuple[datetime | None, int] = (None, 0)

    def __len__(self) -> int:
        return len(self.lines)

    def refuse(
        self, at: NDArray[np.int64], field_name: str, reasons: Sequence[str]
    ) -> list[Reject]:
        """Refusals of the rows at ``at`` (positions), in that order."""
        return _rejects(self.raw, self.lines, at, [field_name] * len(at), reasons)


@dataclass(slots=True)
class Checker:
    """Rules call ``refuse``; the first reason that a row gets is the one that it keeps."""

    batch: RawBatch
    now: datetime
    ok: Mask = field(init=False)
    stated: dict[str, Mask] = field(default_factory=dict)
    _refused: list[tuple[NDArray[np.int64], str, Reason]] = field(default_factory=list)
    _future: tuple[datetime | None, int] = (None, 0)

    def __post_init__(self) -> None:
        self.ok = np.ones(len(self.batch), bool)

    def refuse(self, bad: Mask, field_name: str, reason: Reason) -> None:
        """Refuse the rows in ``bad`` that no earlier rule refused."""
        bad = bad & self.ok
        if bad.any():
            self._refused.append((np.flatnonzero(bad), field_name, reason))
            self.ok &= ~bad

    def note_future(self, latest: datetime, rows: int) -> None:
        """``rows`` have a time after now, the latest at ``latest``."""
        before, count = self._future
        self._future = (max(filter(None, (before, latest))), count + rows)

    # -- columns ---------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        return name in self.batch.columns

    def text(self, name: str) -> pa.Array:
        """The column as it came; all null where the batch has none of this name."""
        column = self.batch.columns.get(name)
        return pa.nulls(len(self.batch), pa.string()) if column is None else column

    def given(self, name: str) -> Mask:
        """Which rows have something in the column."""
        return as_mask(pc.not_equal(self.text(name), ""))

    def require(self, name: str) -> None:
        self.refuse(~self.given(name), name, _MISSING)

    def identifier(self, name: str, *, required: bool = True) -> pa.Array:
        """An opaque text of 1 to 255 characters without control characters."""
        if required:
            self.require(name)
        self.bounded(name, LONGEST_ID)
        return self.text(name)

    def bounded(self, name: str, longest: int) -> pa.Array:
        """A text of at most ``longest`` characters without control characters."""
        values = self.text(name)
        self.too_long(name, values, longest)
        if may_hold_control(values):
            self.refuse(
                as_mask(pc.match_substring_regex(values, _CONTROL)),
                name,
                "This holds a control character (such as a line break or NUL); remove it.",
            )
        return values

    def too_long(self, name: str, values: pa.Array, longest: int) -> None:
        self.refuse(
            as_mask(pc.greater(pc.utf8_length(values), longest)),
            name,
            f"This is longer than {longest} characters; shorten it.",
        )

    def choice(
        self, name: str, allowed: Sequence[str], *, required: bool = False, hint: str = ""
    ) -> pa.Array:
        """One of ``allowed``, or empty where that is not ``required``; ``hint``: what to do."""
        if required:
            self.require(name)
        values = self.text(name)
        unknown = ~as_mask(pc.is_in(values, value_set=pa.array(allowed))) & self.given(name)
        self.refuse(unknown, name, f"This must be one of {', '.join(allowed)}{hint}.")
        return values

    # -- result ----------------------------------------------------------------------------

    def result(self, columns: dict[str, pa.Array]) -> Rows:
        """What passed, once all rules have run."""
        batch = self.batch
        rejects = [*batch.rejects, *self._rejects()]
        rejects.sort(key=lambda reject: reject.line)
        if not self.ok.all():
            keep = pa.array(self.ok)
            columns = {name: column.filter(keep) for name, column in columns.items()}
            raw = {name: column.filter(keep) for name, column in batch.columns.items()}
            stated = {name: mask[self.ok] for name, mask in self.stated.items()}
        else:
            raw, stated = batch.columns, self.stated
        return Rows(
            table=batch.table,
            columns=columns,
            stated=stated,
            raw=raw,
            lines=batch.lines[self.ok],
            rejects=rejects,
            position=batch.position,
            share=batch.share,
            future=self._future,
        )

    def _rejects(self) -> list[Reject]:
        rejects: list[Reject] = []
        for at, name, reason in self._refused:
            if callable(reason):
                values = self.text(name).take(pa.array(at)).to_pylist()
                reasons = [reason(value or "") for value in values]
            else:
                reasons = [reason] * len(at)
            rejects += _rejects(self.batch.columns, self.batch.lines, at, [name] * len(at), reasons)
        return rejects


def _rejects(
    raw: dict[str, pa.Array],
    lines: NDArray[np.int64],
    at: NDArray[np.int64],
    fields: Sequence[str],
    reasons: Sequence[str],
) -> list[Reject]:
    taken = {name: column.take(pa.array(at)).to_pylist() for name, column in raw.items()}
    rejects = []
    for place, (line, name, reason) in enumerate(
        zip(lines[at].tolist(), fields, reasons, strict=True)
    ):
        row = {
            column: values[place] for column, values in taken.items() if values[place] is not None
        }
        rejects.append(Reject(line, name, cut(row.get(name, "")), reason, row))
    return rejects


def as_mask(values: pa.Array | pa.ChunkedArray) -> Mask:
    """Booleans for numpy; null is false."""
    filled = pc.fill_null(values, False)
    mask: Mask = filled.to_numpy(zero_copy_only=False)
    return mask


def may_hold_control(values: pa.Array) -> bool:
    """Whether some value might hold a control character; a quick look at the bytes."""
    buffer = values.buffers()[2] if len(values) else None
    if buffer is None:
        return False
    text = np.frombuffer(buffer, np.uint8)
    # 0xC2 leads the two bytes of U+0080 to U+009F.
    return bool(((text < 0x20) | (text == 0x7F) | (text == 0xC2)).any())
