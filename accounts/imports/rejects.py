"""The rejects file of an import, and the first rejected rows for its page."""

from __future__ import annotations

import csv
import json
import os
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


def path_of(batch_id: int) -> Path:
    """Where the rejects file of an import is or would be."""
    return Path(settings.MEDIA_ROOT) / "rejects" / f"import-{batch_id}-rejects.csv"


class RejectsFile:
    """Appends to one rejects file; made with the first row.

    What a chunk wrote and its transaction did not commit is cut off again by ``cut_to``.
    """

    def __init__(self, batch_id: int) -> None:
        self.path = path_of(batch_id)

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def cut_to(self, size: int) -> None:
        if self.size > size:
            os.truncate(self.path, size)

    def write(self, rejects: Iterable[tuple[str, Reject]]) -> None:
        """Add rows, each with the name of its file, and see to it that they are on the disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.path.open("a", encoding="utf-8", newline="") as file:
            self.path.chmod(0o600)
            writer = csv.writer(file, lineterminator="\n")
            if file.tell() == 0:
                writer.writerow(REJECT_COLUMNS)
            writer.writerows(_cells(name, reject) for name, reject in rejects)
            file.flush()
            os.fsync(file.fileno())


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
