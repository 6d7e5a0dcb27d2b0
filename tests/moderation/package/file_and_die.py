"""Delivers a referral and kills its process (SIGKILL) at the nth request that it sends."""

from __future__ import annotations

import os
import signal
from typing import Any

import httpx
from django.conf import settings

from audit.actors import Actor
from moderation.cybertipline.client import HOSTS
from moderation.services import outbox


def file_and_die(delivery_id: int, address: str, nth: int, when: str) -> None:
    """``when``: ``before`` or ``after`` the request is answered."""
    settings.CYBERTIPLINE_USERNAME = "usr123"
    settings.CYBERTIPLINE_PASSWORD = "pswd123"
    settings.REPORTER_EMAIL = "safety@example.com"
    HOSTS["production"] = address
    asked, send = 0, httpx.Client.send

    def counted(self: httpx.Client, *arguments: Any, **named: Any) -> httpx.Response:
        nonlocal asked
        asked += 1
        if asked == nth and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        response = send(self, *arguments, **named)
        if asked == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    httpx.Client.send = counted  # type: ignore[method-assign]  # dies in the middle
    outbox.deliver(actor=Actor.system("worker"), delivery_id=delivery_id)
