"""How far a verification in the background is: what the worker tells and the audit page shows.

Kept in the cache, because an entry for each step would make the trail grow while it is verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.core.cache import cache

_KEY: Final = "audit.verification"

_FORGOTTEN_AFTER: Final = 300
"""Seconds without a word from the worker, which tells every few seconds."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """So many entries of all have been verified so far."""

    done: int
    total: int


def tell(done: int, total: int) -> None:
    """Say how far it is; for ``audit.verify.verify_trail``."""
    cache.set(_KEY, (done, total), _FORGOTTEN_AFTER)


def over() -> None:
    """Say that it has ended, however it did."""
    cache.delete(_KEY)


def under_way() -> UnderWay | None:
    """How far a verification is; None where none goes on, or its worker has been silent."""
    found = cache.get(_KEY)
    return UnderWay(*found) if found else None
