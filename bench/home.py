"""A database of a measurement's own."""

from __future__ import annotations

import os
from pathlib import Path


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
