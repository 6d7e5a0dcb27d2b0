"""Every test here imports into an empty graph, and leaves no rejects files behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.imports.database import Database


@pytest.fixture(autouse=True)
def _files_of_its_own(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture
def db(transactional_db: None) -> Iterator[Database]:
    """The import's own connection."""
    with Database() as database:
        yield database
