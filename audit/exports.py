"""The trail as a file: JSON lines, from which it can be verified, or CSV for reading."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from audit import canonical
from audit.models import Entry

COLUMNS: Final = (
    "number", "at", "actor", "role", "verb", "target", "before", "after", "reason", "request_id",
    "previous_hash", "hash", "signature",
)  # fmt: skip

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_json_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """One JSON object a line, with all that ``audit.canonical`` says hash and signature cover.

    Hashes and the signature are in hexadecimal.
    """
    for entry in entries:
        yield json.dumps(_record(entry), ensure_ascii=False) + "\n"


def as_csv(entries: Iterable[Entry]) -> Iterator[str]:
    """A table for reading, its cells guarded against being taken for formulas."""
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(COLUMNS)
    for entry in entries:
        record = _record(entry)
        for column in ("before", "after"):
            record[column] = json.dumps(record[column], ensure_ascii=False)
        writer.writerow([guarded(record[column]) for column in COLUMNS])
        if line.tell() > 32_768:
            yield _taken(line)
    yield _taken(line)


def guarded(value: Any) -> Any:
    """``value``, with an apostrophe before text that a spreadsheet would take for a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


def _taken(line: io.StringIO) -> str:
    text = line.getvalue()
    line.seek(0)
    line.truncate()
    return text


def _record(entry: Entry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "at": canonical.timestamp(entry.at),
        "actor": entry.actor,
        "role": entry.role,
        "verb": entry.verb,
        "target": entry.target,
        "before": entry.before,
        "after": entry.after,
        "reason": entry.reason,
        "request_id": entry.request_id,
        "previous_hash": bytes(entry.previous_hash).hex(),
        "hash": bytes(entry.hash).hex(),
        "signature": bytes(entry.signature).hex(),
    }
