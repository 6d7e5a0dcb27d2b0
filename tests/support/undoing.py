"""Trying many things on one world: each is undone before the next begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def undone() -> Iterator[None]:
    """What the block writes is rolled back when it ends. Inside a test's own transaction only."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
