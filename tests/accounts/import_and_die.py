"""Carries out an import in a process of its own and kills it (SIGKILL) at its nth statement.

``python -m tests.accounts.import_and_die DATABASE FILES BATCH NTH BLOCK_BYTES``; NTH 0: never.
Prints the peak of its memory in bytes.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django


def die_at(nth: int) -> None:
    """Count what is asked of the database, and die before the ``nth`` of it."""
    from accounts.imports.database import Database

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


def main(database: str, files: str, batch_id: str, nth: str, block_bytes: str) -> None:
    django.setup()

    from django.conf import settings
    from django.db import connection

    from accounts.formats import lines
    from accounts.imports.run import run_batch

    connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = database
    settings.MEDIA_ROOT = files
    lines.BLOCK_BYTES = int(block_bytes)  # type: ignore[misc]  # small files in several chunks
    die_at(int(nth))
    run_batch(int(batch_id))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main(*sys.argv[1:])
