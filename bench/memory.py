"""How much memory this process has held: the kernel's own high-water mark, which misses nothing."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def peak() -> int:
    """The most bytes held at once since the start, or since ``reset_peak`` where it can reset."""
    if _STATUS.exists():
        for line in _STATUS.read_text("ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reset_peak() -> None:
    """Begin a new high-water mark (Linux; elsewhere the old one goes on)."""
    try:
        _CLEAR.write_text("5", "ascii")
    except OSError:
        return
