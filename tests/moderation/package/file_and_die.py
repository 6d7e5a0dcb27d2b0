"""Delivers in a process of its own, which is killed (SIGKILL) at the nth request that it sends.

``python -m tests.moderation.package.file_and_die DATABASE DELIVERY ADDRESS NTH WHEN``
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django


def main(database: str, delivery: str, address: str, nth: str, when: str) -> None:
    django.setup()

    import httpx
    from django.conf import settings
    from django.db import connection

    from audit.actors import Actor
    from moderation.cybertipline.client import HOSTS
    from moderation.services import outbox

    connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = database
    settings.CYBERTIPLINE_USERNAME = "usr123"
    settings.CYBERTIPLINE_PASSWORD = "pswd123"
    settings.REPORTER_EMAIL = "safety@example.com"
    HOSTS["production"] = address
    asked, send = 0, httpx.Client.send

    def counted(self: httpx.Client, *arguments: Any, **named: Any) -> httpx.Response:
        nonlocal asked
        asked += 1
        if asked == int(nth) and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        response = send(self, *arguments, **named)
        if asked == int(nth):
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    httpx.Client.send = counted  # type: ignore[method-assign]  # dies in the middle
    outbox.deliver(actor=Actor.system("worker"), delivery_id=int(delivery))


if __name__ == "__main__":
    main(*sys.argv[1:])
