"""By when somebody has to have looked."""

from __future__ import annotations

from datetime import datetime, timedelta

from moderation.domain.vocabulary import Severity

ALLOWED: dict[Severity, timedelta] = {
    Severity.CRITICAL: timedelta(hours=4),
    Severity.HIGH: timedelta(hours=24),
    Severity.STANDARD: timedelta(hours=72),
}


def due(waiting_since: datetime, severity: Severity) -> datetime:
    """When a case of ``severity`` that waits since ``waiting_since`` must have been decided."""
    return waiting_since + ALLOWED[severity]


def share_used(waiting_since: datetime, due_at: datetime, now: datetime) -> float:
    """How much of its time a case has used: 0 when it starts to wait, 1 at its deadline, then more.

    0 for a deadline that is not after its start.
    """
    allowed = (due_at - waiting_since).total_seconds()
    if allowed <= 0:
        return 0.0
    return max(0.0, (now - waiting_since).total_seconds() / allowed)
