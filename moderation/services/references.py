"""Giving out case references: ``SL-2026-000123``."""

from __future__ import annotations

from datetime import datetime

from django.db import connection


def next_references(count: int, now: datetime) -> list[str]:
    """The next ``count`` references of the year of ``now`` (UTC), in order.

    Must run in the transaction that makes the cases: others wait for its end, and where it fails
    the numbers are free again.
    """
    if count == 0:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO moderation_referencecounter AS counter (year, last) VALUES (%s, %s) "
            "ON CONFLICT (year) DO UPDATE SET last = counter.last + excluded.last RETURNING last",
            [now.year, count],
        )
        (last,) = cursor.fetchone()
    return [f"SL-{now.year}-{number:06}" for number in range(last - count + 1, last + 1)]
