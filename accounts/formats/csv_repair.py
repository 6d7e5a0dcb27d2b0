"""Row by row through CSV that is not well formed: what can be read is, the rest is refused."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from accounts.formats.header import Header
from accounts.formats.lines import LONGEST_LINE
from accounts.formats.rows import WHOLE_ROW, Reject, cut, shortened

_MOST_LINES: Final = 200
"""A quoted value over more lines than this was never meant: its quotation mark is a stray one."""


class _Unclosed(Exception):
    """A quotation mark is open at the end of the text."""


@dataclass
class _Rows:
    values: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


def read(
    data: bytes, header: Header, first_line: int, *, final: bool
) -> tuple[dict[str, pa.Array], NDArray[np.int64], list[Reject], int]:
    """Columns, line numbers, refused rows, and how many bytes of ``data`` were used.

    Fewer bytes than there are when the last row goes on in the next block; with ``final`` all are.
    """
    lines = data.split(b"\n")
    if data.endswith(b"\n"):
        lines.pop()
    rows = _Rows()
    place = used = 0
    while place < len(lines):
        taken = _take(lines, place, first_line + place, header, rows, final=final)
        if taken == 0:
            break
        used += sum(len(line) + 1 for line in lines[place : place + taken])
        place += taken
    columns = {
        name: pa.array([row[at] for row in rows.values], pa.string())
        for name, at in header.known.items()
    }
    return columns, np.array(rows.lines, np.int64), rows.rejects, min(used, len(data))


def split(text: str, delimiter: str) -> list[str]:
    """The values of one row, as far as they can be told apart."""
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return text.split(delimiter)


def named(values: list[str], header: Header) -> dict[str, str]:
    """The values under the names of the columns that an import uses."""
    return {name: values[at] for name, at in header.known.items() if at < len(values)}


def _take(
    lines: list[bytes], place: int, number: int, header: Header, rows: _Rows, *, final: bool
) -> int:
    """Read the row that begins at ``lines[place]``: how many lines it took, 0 if it goes on."""
    raw = lines[place].removesuffix(b"\r")
    if not raw:
        return 1
    taken = 1
    while True:
        try:
            values = _parse(raw, header.delimiter)
        except _Unclosed:
            longer = _extended(lines, place, taken)
            if longer is None and not final and _may_go_on(lines, place):
                return 0
            if longer is None:
                rows.rejects.append(
                    _refusal(number, lines[place], header, "A quotation mark is never closed")
                )
                return 1
            raw, taken = longer
        except UnicodeDecodeError:
            rows.rejects.append(_not_utf8(number, raw, header))
            return taken
        except csv.Error as error:
            rows.rejects.append(_refusal(number, lines[place], header, _in_words(error)))
            return 1
        else:
            break
    _keep(values, number, header, rows)
    return taken


def _keep(values: list[str], number: int, header: Header, rows: _Rows) -> None:
    if len(values) != len(header.names):
        rows.rejects.append(_ragged(number, values, header))
        return
    rows.values.append(values)
    rows.lines.append(number)


def _parse(raw: bytes, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([raw.decode("utf-8")], delimiter=delimiter, strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise _Unclosed from None
        raise


def _extended(lines: list[bytes], place: int, taken: int) -> tuple[bytes, int] | None:
    """The row with all lines up to the next one that could close its quotation mark."""
    for more in range(place + taken, min(len(lines), place + _MOST_LINES)):
        if b'"' in lines[more]:
            joined = b"\n".join(lines[place : more + 1]).removesuffix(b"\r")
            return None if len(joined) > LONGEST_LINE else (joined, more + 1 - place)
    return None


def _may_go_on(lines: list[bytes], place: int) -> bool:
    """Whether the row that begins at ``lines[place]`` may be closed in the next block."""
    rest = lines[place:]
    return len(rest) < _MOST_LINES and sum(map(len, rest)) <= LONGEST_LINE


def ragged(line: int, text: str, header: Header) -> Reject:
    """The refusal of a row with too many or too few values."""
    return _ragged(line, split(text, header.delimiter), header)


def _ragged(line: int, values: list[str], header: Header) -> Reject:
    return Reject(
        line,
        WHOLE_ROW,
        f"{len(values)} values",
        f"The row has {len(values)} values where the header names {len(header.names)} columns; "
        "look for a missing or surplus comma, or a comma in a value without quotation marks.",
        named(values, header),
    )


def _refusal(number: int, raw: bytes, header: Header, what: str) -> Reject:
    text = raw.decode("utf-8", "replace").rstrip("\r")
    return Reject(
        number,
        WHOLE_ROW,
        shortened(text),
        f"{what}; write a value with commas, quotation marks or line breaks in quotation marks, "
        "and a quotation mark inside it twice.",
        named(split(text, header.delimiter), header),
    )


def _not_utf8(number: int, raw: bytes, header: Header) -> Reject:
    """Names the first column whose bytes are at fault, and shows them as Latin-1 would."""
    values = split(raw.decode("latin-1"), header.delimiter)
    field_name, value = WHOLE_ROW, raw.decode("latin-1")
    for name, at in header.known.items():
        if at < len(values) and _breaks(values[at]):
            field_name, value = name, values[at]
            break
    return Reject(
        number,
        field_name,
        cut(value),
        "The text is not UTF-8 (Latin-1 perhaps: it would read as shown here); "
        "save the file as UTF-8.",
        named(values, header),
    )


def _breaks(value: str) -> bool:
    try:
        value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _in_words(error: csv.Error) -> str:
    text = str(error)
    if "expected after" in text:
        return "Something follows a closing quotation mark"
    if "field larger" in text:
        return "A value is longer than 131,072 characters"
    return "The row cannot be split into values"
