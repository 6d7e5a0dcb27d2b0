"""What the machine offers."""

from __future__ import annotations

import os


def threads() -> int:
    """How many threads may run at once: ``SIGNALS_THREADS``, else the processors given to us."""
    asked = os.environ.get("SIGNALS_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
