"""Values as the package writes them: one way each, so that equal views give equal bytes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any


def moment(value: datetime) -> str:
    """RFC 3339 in UTC, with as many digits of a second as there are: ``2026-03-02T12:00:00Z``."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """``value`` as JSON values. Raises TypeError for anything that has no place in a package."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"A {type(value).__name__} has no place in a package.")


def json_bytes(value: Any) -> bytes:
    """``value`` as JSON for people and programs: UTF-8, indented, members in the given order."""
    text = json.dumps(plain(value), ensure_ascii=False, indent=1, allow_nan=False)
    return text.encode("utf-8") + b"\n"
