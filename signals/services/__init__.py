"""Every change on this floor that a person or another floor asks for."""

from signals.services.defaults import active_thresholds
from signals.services.runs import (
    cancel_run,
    record_export,
    release_dead_runs,
    start_after_import,
    start_run,
)
from signals.services.thresholds import (
    approve_thresholds,
    propose_thresholds,
    withdraw_thresholds,
)

__all__ = [
    "active_thresholds",
    "approve_thresholds",
    "cancel_run",
    "propose_thresholds",
    "record_export",
    "release_dead_runs",
    "start_after_import",
    "start_run",
    "withdraw_thresholds",
]
