"""Writing many cases in one statement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import connection

from moderation.models import Case

# Column to type: a row of the JSON document that carries the values.
RANKED = {"priority": "float8", "priority_factors": "jsonb"}
ASSESSED = RANKED | {
    "state": "text",
    "severity": "text",
    "points": "float8",
    "fallen": "bool",
    "headline": "jsonb",
    "minors": "int",
    "assessment_id": "bigint",
    "version": "int",
    "waiting_since": "timestamptz",
    "due_at": "timestamptz",
    "monitor_until": "date",
    "points_when_decided": "float8",
    "updated_at": "timestamptz",
}
_CHUNK = 1_000


def write(cases: Sequence[Case], columns: dict[str, str]) -> None:
    """Write ``columns`` (``RANKED`` or ``ASSESSED``) of ``cases``, which the caller has locked.

    One UPDATE for each thousand: Django's ``bulk_update`` builds an expression for every value and
    takes some 15 ms a row.
    """
    declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    assigned = ", ".join(f"{name} = new.{name}" for name in columns)
    statement = (
        f"UPDATE moderation_case SET {assigned} "  # noqa: S608 - made of the names above alone
        f"FROM jsonb_to_recordset(%s::jsonb) AS new (id bigint, {declared}) "
        "WHERE moderation_case.id = new.id"
    )
    with connection.cursor() as cursor:
        for start in range(0, len(cases), _CHUNK):
            rows = [
                {name: getattr(case, name) for name in ("id", *columns)}
                for case in cases[start : start + _CHUNK]
            ]
            cursor.execute(statement, [json.dumps(rows, default=_plain)])


def _plain(value: Any) -> str:
    """A time or date as PostgreSQL reads it, without losing microseconds."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written in bulk")
