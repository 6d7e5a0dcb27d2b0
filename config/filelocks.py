"""Locks on files that the kernel drops when their holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def open_lock(path: Path) -> int:
    """A descriptor of the lock file `path`, which is made when missing. Nothing is locked yet."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock alone for the time of the block; waits for its turn."""
    lock = open_lock(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def takes(lock: int, kind: int) -> bool:
    """Try to lock the open file in the way `kind` (of `fcntl`), without waiting."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock alone. Asking does not stand in the way of others asking."""
    try:
        lock = open_lock(path)
    except FileNotFoundError:
        return False
    try:
        return not takes(lock, fcntl.LOCK_SH)
    finally:
        os.close(lock)
