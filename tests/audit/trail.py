"""Filling a trail, and reading and forging it as somebody with every right on the server."""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction

from audit.actors import Actor
from audit.models import Entry
from audit.services import record

WORKER = Actor.system("worker")


def write(count: int = 1, **fields: Any) -> list[Entry]:
    """Add entries, each in a transaction of its own, as services do."""
    written = []
    for turn in range(count):
        with transaction.atomic():
            written.append(
                record(
                    **{
                        "actor": WORKER,
                        "verb": "case.test",
                        "target": f"case:SL-2026-{turn:06}",
                        "before": {"state": "open", "points": 3.25},
                        "after": {"state": "in_review", "points": 7, "list": ["é", None, True]},
                        "reason": 'a "quoted" reason\n',
                        **fields,
                    }
                )
            )
    return written


TABLES = ("audit_entry", "audit_head", "audit_checkpoint")
COLUMNS = (
    "number", "at", "actor", "role", "verb", "target", "before", "after", "reason", "request_id",
    "previous_hash", "hash", "signature",
)  # fmt: skip


class Tampering:
    """Direct SQL with the triggers off."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(query, [_adapt(value) for value in values])
            return list(cursor.fetchall()) if cursor.description else []

    def row(self, number: int) -> dict[str, Any]:
        found = self.run(f"SELECT {', '.join(COLUMNS)} FROM audit_entry WHERE number = %s", number)
        return dict(zip(COLUMNS, found[0], strict=True))

    def update(self, number: int, /, **changes: Any) -> None:
        assignments = ", ".join(f"{column} = %s" for column in changes)
        values = [
            json.dumps(value) if column in ("before", "after") else value
            for column, value in changes.items()
        ]
        self.run(f"UPDATE audit_entry SET {assignments} WHERE number = %s", *values, number)

    def insert(self, row: dict[str, Any]) -> None:
        marks = ", ".join(["%s"] * len(row))
        self.run(f"INSERT INTO audit_entry ({', '.join(row)}) VALUES ({marks})", *row.values())


class Kept:
    """A copy of the trail as it is now, put back as often as wanted."""

    def __init__(self, tampering: Tampering) -> None:
        self._tampering = tampering
        for table in TABLES:
            tampering.run(f"CREATE TEMP TABLE kept_{table} AS TABLE {table}")

    def put_back(self) -> None:
        for table in TABLES:
            self._tampering.run(f"DELETE FROM {table}")
            self._tampering.run(f"INSERT INTO {table} SELECT * FROM kept_{table}")


def _adapt(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value)
    return bytes(value) if isinstance(value, memoryview) else value
