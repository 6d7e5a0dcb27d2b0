"""Columns of equal-width bytes, joined into CSV lines without a loop over rows.

A column is a matrix of bytes with one row an entry; shorter values are padded with zero bytes,
which :func:`csv_lines` drops. This writes about ten million short rows in ten seconds, and its
bytes depend on nothing but its input.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from signals.simulate.population import Ids
from signals.simulate.settings import DAY

Column = NDArray[np.uint8]
ZERO, COMMA, NEWLINE = ord("0"), ord(","), ord("\n")


def numbers(prefix: str, values: Ids, width: int) -> Column:
    """``prefix`` and the number, padded with zeros to ``width`` digits."""
    column = np.empty((values.size, len(prefix) + width), dtype=np.uint8)
    column[:, : len(prefix)] = np.frombuffer(prefix.encode(), dtype=np.uint8)
    rest = values.astype(np.int64)
    for place in range(len(prefix) + width - 1, len(prefix) - 1, -1):
        rest, digit = np.divmod(rest, 10)
        column[:, place] = ZERO + digit
    return column


def words(choices: tuple[str, ...], codes: NDArray[np.integer]) -> Column:
    """The word of each code."""
    table = texts(np.array(choices))
    column: Column = table[codes]
    return column


def texts(values: NDArray[np.str_]) -> Column:
    """Any texts, in UTF-8."""
    encoded = np.char.encode(values, "utf-8")
    width = max(1, encoded.dtype.itemsize)
    padded = np.ascontiguousarray(encoded.astype(f"S{width}"))
    return padded.view(np.uint8).reshape(values.size, width)


def moments(values: Ids) -> Column:
    """RFC 3339 in UTC, ``2026-03-01T12:34:56Z``; empty for negative values."""
    known = values >= 0
    day, second = np.divmod(np.where(known, values, 0), DAY)
    days, day_row = np.unique(day, return_inverse=True)
    dates = np.datetime_as_string(days.astype("datetime64[D]")).astype("S10")
    column = np.empty((values.size, 20), dtype=np.uint8)
    if values.size == 0:
        return column
    column[:, :10] = dates.view(np.uint8).reshape(days.size, 10)[day_row]
    column[:, 10], column[:, 13], column[:, 16], column[:, 19] = (ord(sign) for sign in "T::Z")
    hour, rest = np.divmod(second, 3_600)
    for place, part in ((11, hour), (14, rest // 60), (17, rest % 60)):
        column[:, place] = ZERO + part // 10
        column[:, place + 1] = ZERO + part % 10
    column[~known] = 0
    return column


def plain(column: Column) -> list[str]:
    """The column as Python strings."""
    width = column.shape[1]
    flat = np.ascontiguousarray(column).view(f"S{width}").reshape(column.shape[0])
    return [value.decode() for value in flat.tolist()]


def csv_lines(columns: list[Column]) -> bytes:
    """Join columns with commas. No value may hold a comma, a quote or a line break."""
    size = columns[0].shape[0]
    comma = np.full((size, 1), COMMA, dtype=np.uint8)
    parts: list[Column] = []
    for column in columns:
        parts += [column, comma]
    parts[-1] = np.full((size, 1), NEWLINE, dtype=np.uint8)
    joined = np.concatenate(parts, axis=1).ravel()
    line: bytes = joined[joined != 0].tobytes()
    return line
