"""Which files an import consists of, and what each of them is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from accounts.formats.activitystreams import ActivityStreamsReader
from accounts.formats.csv_reader import CsvReader
from accounts.formats.jetstream import JetstreamReader
from accounts.formats.lines import LONGEST_LINE
from accounts.formats.ndjson import NdjsonReader
from accounts.formats.parquet import ParquetReader
from accounts.formats.rejected import REJECT_COLUMNS, RejectedReader
from accounts.formats.rows import TABLES, FileProblem, Position, RawBatch, Table
from accounts.formats.source import Source

FORMATS: Final = ("auto", "csv", "ndjson", "activitystreams", "jetstream", "parquet")

_NAME: Final = re.compile(r"(accounts|ties|events)\.(csv|ndjson|parquet)(?:\.gz)?", re.IGNORECASE)
_JSON_NAME: Final = re.compile(r".*\.(jsonl|ndjson|json)(\.gz)?", re.IGNORECASE)


class Reader(Protocol):
    """Gives the batches of one file. ``notices`` are complete when all batches were given."""

    @property
    def notices(self) -> list[str]: ...

    def __iter__(self) -> Iterator[RawBatch]: ...


@dataclass(frozen=True, slots=True)
class Found:
    """A file of an import. ``problem``: why it is not read at all."""

    path: Path
    name: str
    problem: str = ""


def files_in(path: Path, format_: str) -> list[Found]:
    """The files that ``path``, a file or a folder, holds for an import; accounts come first.

    Raises FileProblem where there is nothing to import.
    """
    try:
        if not path.is_dir():
            path.stat()
            return [Found(path, path.name)]
        names = sorted(entry.name for entry in path.iterdir())
    except FileNotFoundError:
        raise FileProblem(f"{path} does not exist.") from None
    except OSError as error:
        raise FileProblem(f"{path} cannot be read: {error.strerror}.") from None
    if format_ in ("activitystreams", "jetstream"):
        chosen = [name for name in names if _JSON_NAME.fullmatch(name)]
    else:
        chosen = [name for name in names if _is_table(name, format_)]
    if not chosen:
        raise FileProblem(
            f"{path} holds no files to import; it needs accounts, ties or events, each as .csv, "
            ".csv.gz, .ndjson, .ndjson.gz or .parquet."
        )
    return _in_order([Found(path / name, name) for name in chosen], single=format_ == "auto")


def _in_order(found: Iterable[Found], *, single: bool) -> list[Found]:
    by_table: dict[str, list[Found]] = {}
    for file in found:
        by_table.setdefault(table_in(file.name) or "", []).append(file)
    ordered = []
    for table in (*TABLES, ""):
        group = by_table.get(table, [])
        if table and len(group) > 1:
            names = " and ".join(file.name for file in group)
            group = [
                Found(file.path, file.name, f"The folder holds {names}; keep one of them.")
                for file in group
            ]
        ordered += group
    return ordered


def table_in(name: str) -> Table | None:
    """The table that a file's name says it holds."""
    matched = _NAME.fullmatch(name)
    table = matched[1].lower() if matched else ""
    return next((known for known in TABLES if known == table), None)


def _is_table(name: str, format_: str) -> bool:
    matched = _NAME.fullmatch(name)
    return matched is not None and format_ in ("auto", matched[2].lower())


def format_of(path: Path, format_: str = "auto") -> str:
    """What a file is: one of FORMATS except auto, or "rejects". Raises FileProblem."""
    with Source(path) as source:
        start = source.read(LONGEST_LINE).removeprefix(b"\xef\xbb\xbf").lstrip()
    if format_ in ("auto", "csv") and start.startswith(",".join(REJECT_COLUMNS).encode()):
        return "rejects"
    if format_ != "auto":
        return format_
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"["):
        raise FileProblem("This is one JSON array; write one object a line instead (NDJSON).")
    return _format_of_json(start.partition(b"\n")[0]) if start.startswith(b"{") else "csv"


def _format_of_json(line: bytes) -> str:
    try:
        first = json.loads(line)
    except ValueError:
        first = {}
    if "did" in first and "kind" in first:
        return "jetstream"
    if "@context" in first or ("id" in first and "type" in first and "event_id" not in first):
        return "activitystreams"
    return "ndjson"


def reader_for(source: Source, file: Found, format_: str, start: Position) -> Reader:
    """The reader of an opened file of format ``format_`` (see ``format_of``), from ``start`` on."""
    table = table_in(file.name)
    match format_:
        case "csv":
            return CsvReader(source, table, start)
        case "ndjson":
            return NdjsonReader(source, table, start)
        case "activitystreams":
            return ActivityStreamsReader(source, start)
        case "jetstream":
            return JetstreamReader(source, start)
        case "rejects":
            return RejectedReader(source, start)
        case _:
            return ParquetReader(file.path, table, start)
