"""Imports in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from django.conf import settings
from django.db import connection

from accounts.formats.lines import BLOCK_BYTES
from accounts.models import ImportBatch


def import_elsewhere(
    batch: ImportBatch, *, die_at: int = 0, block_bytes: int = BLOCK_BYTES
) -> int | None:
    """Carry ``batch`` out in another process: its peak memory in bytes, None if it was killed."""
    done = subprocess.run(
        [
            sys.executable, "-m", "tests.accounts.import_and_die",
            connection.settings_dict["NAME"], str(settings.MEDIA_ROOT), str(batch.pk),
            str(die_at), str(block_bytes),
        ],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return int(done.stdout.splitlines()[-1]) if done.returncode == 0 else None
