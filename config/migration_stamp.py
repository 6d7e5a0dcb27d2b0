"""Tells in milliseconds whether an embedded database has every migration that the code has."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.filelocks import exclusive


class MigrationStamp:
    """A fingerprint of the migration files, kept beside the database it was applied to."""

    def __init__(self, repository: Path, home: Path) -> None:
        self._repository = repository
        self._home = home
        self._file = home / "postgres" / "migrations"

    def fingerprint(self) -> str:
        """Of our migrations, of the lock file (which fixes the libraries') and of the grants."""
        digest = hashlib.sha256()
        files = sorted(self._repository.glob("*/migrations/*.py"))
        files += [self._repository / "requirements.txt", self._repository / "config" / "grants.py"]
        for path in files:
            digest.update(str(path.relative_to(self._repository)).encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def is_current(self) -> bool:
        try:
            return self._file.read_text("ascii") == self.fingerprint()
        except FileNotFoundError:
            return False

    def write(self, fingerprint: str) -> None:
        temporary = self._file.with_suffix(f".{os.getpid()}")
        temporary.write_text(fingerprint, "ascii")
        temporary.replace(self._file)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process at a time migrates; the others wait and then find it done."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(self._file.parent / "migrate.lock"):
            yield
