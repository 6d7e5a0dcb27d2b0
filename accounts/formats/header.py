"""The header of a CSV file: which column is which, and what is wrong with it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from accounts.formats.rows import COLUMNS, HEADER, REQUIRED, TABLES, FileProblem, Table, shortened

_DELIMITERS: Final = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Header:
    """``names``: all columns as the file has them; ``known``: column to its place among them."""

    table: Table
    delimiter: str
    names: tuple[str, ...]
    known: dict[str, int]
    notices: tuple[str, ...]


def split_header(line: bytes) -> tuple[str, list[str]]:
    """The delimiter and the column names of a first line. Raises FileProblem."""
    if b'"' in line and line.count(b'"') % 2:
        raise FileProblem(
            "A quotation mark in the header is never closed; write the column names plainly.",
            field=HEADER,
        )
    text = line.decode("utf-8", "replace")
    best = max(_DELIMITERS, key=lambda mark: len(_known_names(_split(text, mark))))
    return best, [name.strip().lower() for name in _split(text, best)]


def table_of(names: Iterable[str]) -> Table | None:
    """The table whose own columns are there; None when no table's are."""
    given = set(names)
    if "event_id" in given or {"actor", "object"} <= given:
        return "events"
    if {"a", "b"} <= given:
        return "ties"
    return "accounts" if "account_id" in given else None


def read_header(line: bytes, table: Table | None) -> Header:
    """Understand a header line; ``table`` where the file's name says it.

    Raises FileProblem when a required column is missing or a known one stands twice.
    """
    delimiter, names = split_header(line)
    table = table or table_of(names)
    if table is None:
        raise FileProblem(
            "The header names no table: accounts need account_id; ties a, b and kind; "
            f"events {', '.join(REQUIRED['events'])}. "
            f"It begins {shortened(delimiter.join(names))!r}.",
            field=HEADER,
        )
    missing = [name for name in REQUIRED[table] if name not in names]
    if missing:
        raise FileProblem(
            f"The header lacks {_listed(missing)}, which {table} need; the columns are "
            f"{shortened(', '.join(names), 200)!r}.",
            field=missing[0],
        )
    doubled = [name for name, n in Counter(names).items() if n > 1 and name in COLUMNS[table]]
    if doubled:
        raise FileProblem(
            f"The header names {_listed(doubled)} twice; keep one of each.", field=doubled[0]
        )
    known = {name: names.index(name) for name in COLUMNS[table] if name in names}
    return Header(table, delimiter, tuple(names), known, unused_notice(names, table))


def unused_notice(names: Sequence[str], table: Table) -> tuple[str, ...]:
    """One sentence for all columns that an import does not use, or none."""
    unused = sorted({name for name in names if name and name not in COLUMNS[table]})
    if not unused:
        return ()
    shown = ", ".join(shortened(name, 40) for name in unused[:10])
    more = f" and {len(unused) - 10} more" if len(unused) > 10 else ""
    return (f"Not used: {'column' if len(unused) == 1 else 'columns'} {shown}{more}.",)


def _split(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return text.split(delimiter)


def _known_names(names: Iterable[str]) -> set[str]:
    every = {column for table in TABLES for column in COLUMNS[table]}
    return {name.strip().lower() for name in names} & every


def _listed(names: Sequence[str]) -> str:
    columns = ", ".join(names)
    return f"the column {columns}" if len(names) == 1 else f"the columns {columns}"
