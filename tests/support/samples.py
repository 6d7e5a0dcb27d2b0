"""Files of others that tests compare with, where somebody has put them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(
    os.environ.get("SIGHTLINE_SCHEMAS") or Path(__file__).resolve().parents[3] / "shared" / "data"
)
"""Beside the repository, unless the environment says where."""


def sample(name: str) -> Path:
    """The file or folder called ``name``; without it the test is skipped."""
    found = FOLDER / name
    if not found.exists():
        pytest.skip(f"{name} is not in {FOLDER}; set SIGHTLINE_SCHEMAS to their folder")
    return found
