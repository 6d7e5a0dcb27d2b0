"""What several modules here use."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings


@pytest.fixture
def own_files(settings: Settings, tmp_path: Path) -> None:
    """Files and a home of the test's own, in which it may look at everything."""
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.SIGHTLINE_HOME = tmp_path
