"""Watching real processes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until `condition` holds; fail when it does not come to that."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.05)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every living process that names `folder`, works in it, or has it as its home."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            home = process.environ().get("SIGHTLINE_HOME", "")
            if any(str(folder) in text for text in (*process.cmdline(), process.cwd(), home)):
                found.append(process)
    return found


@contextmanager
def folder_of_its_own() -> Iterator[Path]:
    """A new folder; at the end whatever still runs from it is killed, then the folder goes.

    Not pytest's `tmp_path`: as root the database server runs as another account, to which pytest
    closes its folders.
    """
    with tempfile.TemporaryDirectory(prefix="sightline-test-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        yield folder
        for process in processes_of(folder):
            with suppress(psutil.Error):
                process.kill()
