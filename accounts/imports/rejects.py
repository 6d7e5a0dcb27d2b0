"""The rejects file of an import, and the first rejected rows for its page."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from django.conf import settings

from accounts.formats.rejected import REJECT_COLUMNS, guarded
from accounts.formats.rows import Reject, shortened
from accounts.imports.database import Database

SHOWN: Final = 200
"""Rejected rows that the page of an import shows."""


def rejects_folder() -> Path:
    """Where the rejects files of all imports lie."""
    return Path(settings.MEDIA_ROOT) / "rejects"


class Part:
    """The rejected rows of one file of an import, until ``gather`` puts the parts together.

    What a chunk wrote and its transaction did not commit is cut off again by ``cut_to``.
    """

    def __init__(self, batch_id: int, place: int) -> None:
        self._path = rejects_folder() / f"import-{batch_id}-parts" / f"{place:06}"

    def cut_to(self, size: int) -> None:
        if self._path.exists():
            os.truncate(self._path, size)

    def write(self, rejects: Iterable[tuple[str, Reject]]) -> int:
        """Add rows, each with the name of its file, see to it that they are on the disk, and
        return the size of the part in bytes."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._path.open("a", encoding="utf-8", newline="") as file:
            self._path.chmod(0o600)
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows(_cells(name, reject) for name, reject in rejects)
            file.flush()
            os.fsync(file.fileno())
            return file.tell()


def gather(batch_id: int) -> str:
    """Put the parts together, whole or not at all; the path of the file, empty without parts."""
    parts = sorted((rejects_folder() / f"import-{batch_id}-parts").glob("*"))
    if not any(part.stat().st_size for part in parts):
        return ""
    path = rejects_folder() / f"import-{batch_id}-rejects.csv"
    unfinished = path.with_suffix(".new")
    with unfinished.open("wb") as file:
        unfinished.chmod(0o600)
        file.write(",".join(REJECT_COLUMNS).encode() + b"\n")
        for part in parts:
            with part.open("rb") as rows:
                shutil.copyfileobj(rows, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    return str(path)


def discard_parts(batch_id: int) -> None:
    """Remove what ``gather`` has put together."""
    shutil.rmtree(rejects_folder() / f"import-{batch_id}-parts", ignore_errors=True)


def _cells(name: str, reject: Reject) -> list[str]:
    rest = {column: value for column, value in reject.row.items() if column != reject.field}
    row = json.dumps(rest, ensure_ascii=False) if reject.row else ""
    text = (name, str(reject.line), reject.field, reject.value, reject.reason, row)
    return [guarded(cell) for cell in text]


def show(db: Database, batch_id: int, rejects: list[tuple[str, Reject]]) -> None:
    """Keep rejected rows for the page of the import."""
    db.copy(
        "accounts_rejectedrow",
        {
            "batch_id": np.full(len(rejects), batch_id),
            "file": [name[:255] for name, _ in rejects],
            "line": [reject.line for _, reject in rejects],
            "field": [reject.field[:60] for _, reject in rejects],
            "value": [shortened(reject.value, 300) for _, reject in rejects],
            "reason": [reject.reason[:500] for _, reject in rejects],
        },
    )
