from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from audit import verbs
from audit.context import current_request_id


@pytest.fixture(autouse=True)
def home(settings: Settings, tmp_path: Path) -> Path:
    """A home of the test's own: its trail has its own key and its own witness file."""
    settings.SIGHTLINE_HOME = tmp_path
    settings.KEYS_DIR = tmp_path / "keys"
    verbs.register("case.test", "tried something")
    current_request_id.set("")
    return tmp_path
