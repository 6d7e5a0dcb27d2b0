"""Imports in processes of their own, which kill themselves (SIGKILL) at a given statement."""

from __future__ import annotations

import os
import resource
import signal
from typing import Any

from accounts.formats import lines
from accounts.imports.database import Database
from accounts.imports.run import run_batch
from accounts.models import ImportBatch
from tests.support.elsewhere import elsewhere


def import_elsewhere(
    batch: ImportBatch, *, die_at: int = 0, block_bytes: int = lines.BLOCK_BYTES
) -> int | None:
    """Carry ``batch`` out in another process: its peak memory in bytes, None if it was killed.

    ``die_at``: before which statement it kills itself; 0: before none.
    """
    ended = elsewhere(_import, batch.pk, die_at, block_bytes)
    assert ended.status in {0, -signal.SIGKILL}
    peak: int | None = ended.result
    return peak


def _import(batch_id: int, nth: int, block_bytes: int) -> int:
    lines.BLOCK_BYTES = block_bytes  # type: ignore[misc]  # small files in several chunks
    _die_at(nth)
    run_batch(batch_id)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _die_at(nth: int) -> None:
    """Count what is asked of the database, and die before the ``nth`` of it."""
    asked = 0

    def counted(method: Any) -> Any:
        def wrapper(*arguments: Any, **named: Any) -> Any:
            nonlocal asked
            asked += 1
            if asked == nth:
                os.kill(os.getpid(), signal.SIGKILL)
            return method(*arguments, **named)

        return wrapper

    for name in ("run", "fetch", "copy"):
        setattr(Database, name, counted(getattr(Database, name)))
