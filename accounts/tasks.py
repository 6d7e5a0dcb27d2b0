"""Imports by a worker."""

from __future__ import annotations

from typing import Final

from celery import Task, shared_task

from accounts import services, uploads
from accounts.imports.database import AlreadyRunning, ConnectionLost
from accounts.imports.run import run_batch
from accounts.models import ImportBatch
from audit.actors import Actor

SCHEDULE: Final = {"accounts.sweep_imports": 30.0}

_HOURS: Final = 3600


@shared_task(
    name=services.IMPORT,
    bind=True,
    max_retries=5,
    soft_time_limit=10 * _HOURS,
    time_limit=11 * _HOURS,
)
def import_batch(self: Task[[int], None], batch_id: int) -> None:
    """Carry out an import. Safe to run twice: the second finds it claimed, over or further on."""
    try:
        run_batch(batch_id)
        uploads.discard_imported()
    except (AlreadyRunning, ImportBatch.DoesNotExist):
        return
    except ConnectionLost as lost:
        raise self.retry(exc=lost, countdown=5) from lost


@shared_task(name="accounts.sweep_imports")
def sweep_imports() -> None:
    """Go on with imports whose process died; remove uploads that nothing needs any longer."""
    services.sweep_imports(actor=Actor.system("beat"))
    uploads.discard_imported()
