"""One attempt at a run: who may compute, how far it is, and whether it should go on.

A session-level advisory lock, on a connection of its own, shows that somebody computes. PostgreSQL
drops it with the connection, so a killed process or server leaves no lock behind, and whoever takes
the lock knows that every run still marked "running" is dead. The run's ``attempts`` is the fence
behind that: each begin raises it, and nothing is written for a run under another number.
"""

from __future__ import annotations

import time
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from django.db import Error, connection

from signals.models import Run

LOCK: Final = 0x5174_51A7
"""Key of the advisory lock that the one computing process holds."""

REPORT_SECONDS: Final = 0.5
"""Progress is written no more often than this."""


class CancelRequested(Exception):
    """Somebody asked for the run to be cancelled."""


class Replaced(Exception):
    """Another process has begun this run anew, or ended it."""


class RunLock:
    """The right to compute, held while the block lasts once ``take`` has returned True.

    Its connection is apart from Django's own: progress that is written through it is seen by
    others at once, whatever transaction the caller is in.
    """

    def __init__(self) -> None:
        self._connection = connection.copy()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._connection.connection is not None:
            # The server notices that a connection is closed a moment later: too late for a run that
            # begins at once.
            with suppress(Error), self._connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock_all()")
        self._connection.close()

    def take(self) -> bool:
        """Try to get the right. False: somebody else computes."""
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            return bool(cursor.fetchone()[0])

    def is_held(self) -> bool:
        """Whether the connection, and with it the right, is still there."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(
                    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' "
                    "AND classid = 0 AND objid = %s AND objsubid = 1 AND granted "
                    "AND pid = pg_backend_pid())",
                    [LOCK],
                )
                return bool(cursor.fetchone()[0])
        except Error:
            return False

    def write_progress(self, run_id: int, attempt: int, stage: str, share: float) -> None:
        """Store how far the attempt is, 0 to 1, for others to see.

        Raises CancelRequested and Replaced.
        """
        with self._connection.cursor() as cursor:
            cursor.execute(
                "UPDATE signals_run SET stage = %s, progress = %s "
                "WHERE id = %s AND attempts = %s AND state = %s RETURNING cancel_requested",
                [stage, share, run_id, attempt, Run.State.RUNNING],
            )
            row = cursor.fetchone()
        if row is None:
            raise Replaced
        if row[0]:
            raise CancelRequested


class Watch:
    """Follows an attempt through its stages: progress now and then, seconds by stage at the end."""

    def __init__(self, lock: RunLock, run: Run) -> None:
        self._lock, self._run = lock, run
        self._stage, self._began, self._written = "", time.monotonic(), 0.0
        self.seconds: dict[str, float] = {}

    def at(self, stage: str, share: float) -> None:
        """Say that ``stage`` is going on and ``share`` (0 to 1) of the whole run is done.

        Raises CancelRequested and Replaced: this is where an attempt learns that it should end.
        """
        now = time.monotonic()
        if stage != self._stage:
            self._close(now)
            self._stage = stage
        elif now - self._written < REPORT_SECONDS:
            return
        self._written = now
        self._lock.write_progress(self._run.pk, self._run.attempts, stage, share)

    def total(self) -> dict[str, float]:
        """Seconds by stage until now, with their sum under ``total``."""
        self._close(time.monotonic())
        return {**self.seconds, "total": round(sum(self.seconds.values()), 3)}

    def _close(self, now: float) -> None:
        if self._stage:
            spent = self.seconds.get(self._stage, 0.0) + now - self._began
            self.seconds[self._stage] = round(spent, 3)
        self._began = now


def is_computing() -> bool:
    """Whether some process holds the right to compute just now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' "
            "AND classid = 0 AND objid = %s AND objsubid = 1 AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            [LOCK],
        )
        return bool(cursor.fetchone()[0])
