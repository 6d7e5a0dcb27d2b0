"""What surrounds the current piece of work."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Final

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")
"""The web request's or task's id; entries carry it. Set by middleware."""

_LONGEST: Final = 64
_UNWANTED: Final = re.compile(r"[^A-Za-z0-9._:-]")


def request_id() -> str:
    """The current id as an entry can hold it: it may come from a header, so from anybody."""
    return _UNWANTED.sub("", current_request_id.get())[:_LONGEST]
