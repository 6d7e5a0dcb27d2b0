"""How a command shows an import, on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from accounts.imports.progress import Progress

_STEP: Final = 0.25
"""A plain line appears at each file and after each further quarter of it."""


@contextmanager
def shown_progress(*, quiet: bool = False) -> Iterator[Progress]:
    """Yield a function to be told the file, the share of it that is read, and its rows so far."""
    stream = sys.stderr
    if quiet:
        yield lambda _name, _share, _rows: None
        return
    if not stream.isatty():
        yield _Lines(stream).tell
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task("Reading", total=1.0, rows=0)

        def tell(name: str, share: float, rows: int) -> None:
            bar.update(task, description=name, completed=share, rows=rows)

        yield tell


class _Lines:
    def __init__(self, stream: TextIO) -> None:
        self._stream, self._name, self._next = stream, "", 0.0

    def tell(self, name: str, share: float, rows: int) -> None:
        if name == self._name and share < self._next:
            return
        self._name, self._next = name, min(share + _STEP, 1.0)
        self._stream.write(f"{name}: {share:.0%}, {rows:,} rows\n")
        self._stream.flush()
