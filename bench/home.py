"""A database of a measurement's own."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STOPPING = 120  # seconds that a server may take to write what it holds and end


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A folder for a database of one measurement, removed once its server has ended."""
    home = Path(tempfile.mkdtemp(prefix="sightline-bench-home-")).resolve()
    try:
        yield home
    finally:
        until = time.monotonic() + _STOPPING
        while home.exists() and time.monotonic() < until:
            shutil.rmtree(home, ignore_errors=True)
            time.sleep(0.5)


def prepare(home: Path) -> None:
    """Set Django up on the embedded server under ``home`` (made when missing), tables and all.

    Once in a process, before anything of the product that needs settings is imported.
    """
    os.environ["SIGHTLINE_HOME"] = str(home)
    os.environ.pop("DATABASE_URL", None)
    os.environ.setdefault("SIGHTLINE_LOG_LEVEL", "WARNING")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from config.commandline import apply_missing_migrations

    apply_missing_migrations()
