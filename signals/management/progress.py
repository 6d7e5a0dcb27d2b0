"""How a command shows a run, on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from signals.wording import STAGE_NAMES

_STEP: Final = 0.25
"""A plain line appears at each stage and after each further quarter of the run."""


@contextmanager
def shown_progress() -> Iterator[Callable[[str, float], None]]:
    """Yield a function to be told the stage and the share of the run that is done, 0 to 1."""
    stream = sys.stderr
    if not stream.isatty():
        yield _Lines(stream).tell
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    console = Console(file=stream)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(STAGE_NAMES["load"], total=1.0)
        yield lambda stage, share: bar.update(
            task, completed=share, description=STAGE_NAMES.get(stage, stage)
        )


class _Lines:
    def __init__(self, stream: TextIO) -> None:
        self._stream, self._stage, self._next = stream, "", 0.0

    def tell(self, stage: str, share: float) -> None:
        if stage == self._stage and share < self._next:
            return
        self._stage, self._next = stage, min(share + _STEP, 1.0)
        self._stream.write(f"{STAGE_NAMES.get(stage, stage)}: {share:.0%}\n")
        self._stream.flush()
