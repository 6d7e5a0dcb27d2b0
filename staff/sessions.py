"""How long a session lasts: an idle end and an absolute end."""

from __future__ import annotations

import time
from typing import Final, Literal

from django.conf import settings
from django.http import HttpRequest

Ending = Literal["idle", "absolute"]

BACKGROUND_HEADER: Final = "X-Background"
"""Requests that a page sends by itself (polling) carry it: they do not count as activity."""

_BEGAN = "began_at"
_ACTIVE = "active_at"
_KEEP_EVERY: Final = 30
"""Seconds. Activity is written to the session no more often than this."""


def begin(request: HttpRequest) -> None:
    """Start both clocks: somebody has signed in."""
    request.session[_BEGAN] = request.session[_ACTIVE] = int(time.time())


def check(request: HttpRequest) -> Ending | None:
    """Which end the session has reached, if any; otherwise keep that it is in use."""
    now = int(time.time())
    began, active = request.session.get(_BEGAN), request.session.get(_ACTIVE)
    if began is None or active is None:
        begin(request)
        return None
    if now - began >= settings.SESSION_ABSOLUTE.total_seconds():
        return "absolute"
    if now - active >= settings.SESSION_IDLE.total_seconds():
        return "idle"
    if now - active >= _KEEP_EVERY and BACKGROUND_HEADER not in request.headers:
        request.session[_ACTIVE] = now
    return None


def mark_ending(request: HttpRequest, ending: Ending) -> None:
    """Tell whoever records the sign-out that nobody signed out."""
    request.session_ending = ending  # type: ignore[attr-defined]  # read by ending_of alone


def ending_of(request: HttpRequest) -> Ending | None:
    return getattr(request, "session_ending", None)
