"""Work in processes of their own, which may be killed in the middle of it.

They are forked from one process that has Sightline loaded (``loaded``), or every one of them would
load it anew. Each opens connections of its own, and shares this process's database and files.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.support.loaded"])

PLACES = ("SIGHTLINE_HOME", "KEYS_DIR", "MEDIA_ROOT")


class Ended(NamedTuple):
    """How a process ended: its exit status (minus the signal that killed it), and its result."""

    status: int
    result: Any


def elsewhere(work: Callable[..., Any], *arguments: Any, seconds: float = 300) -> Ended:
    """Call ``work`` in a process of its own and wait until it has ended.

    What ``work`` raises is printed there, and the status is 1.
    """
    receiving, sending = _forks.Pipe(duplex=False)
    places = {name: Path(getattr(settings, name)) for name in PLACES}
    process = _forks.Process(
        target=_at_work,
        args=(sending, connection.settings_dict["NAME"], places, work, arguments),
    )
    process.start()
    sending.close()
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        raise AssertionError(f"{work.__name__} did not end within {seconds} seconds")
    result = None
    with receiving, suppress(EOFError):
        result = receiving.recv()
    return Ended(process.exitcode, result)


def _at_work(
    sending: Connection,
    database: str,
    places: dict[str, Path],
    work: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> None:
    connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = database
    for name, place in places.items():
        setattr(settings, name, place)
    sending.send(work(*arguments))
