"""What higher floors may register here."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import transaction

from accounts.models import ImportBatch

Callback = Callable[[ImportBatch], object]

_callbacks: list[Callback] = []
_log = logging.getLogger(__name__)


def on_batch_done(callback: Callback) -> None:
    """Let ``callback`` know of each import that ends, in the transaction that says so.

    An error in it is logged and does not touch the import.
    """
    if callback not in _callbacks:
        _callbacks.append(callback)


def batch_done(batch: ImportBatch) -> None:
    """Tell everybody who registered. Called by the import's own service."""
    for callback in _callbacks:
        try:
            with transaction.atomic():
                callback(batch)
        except Exception:  # noqa: BLE001 - whatever it is, the import has happened
            _log.exception("A callback failed after import %s.", batch.pk)
