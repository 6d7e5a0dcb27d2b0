"""A copy of the trail's head in a file outside the database.

Whoever cuts entries off the end of the trail, or empties it, must also reach this file. It is
written after a commit, so it may lag behind the trail (a crash in between costs nothing: the next
commit writes it) but never leads it. A head that contradicts the trail stays as evidence: it is
not overwritten, ``verify_audit`` reports it, and the log says so at once.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from audit.models import Entry

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A head as the file knows it."""

    number: int
    hash: bytes
    signature: bytes


class UnreadableWitness(Exception):
    """The file is there but is no witness. The message names it."""


def path() -> Path:
    """One file a database: several may stand side by side under one ``SIGHTLINE_HOME``."""
    database = re.sub(r"[^\w.-]", "_", str(connection.settings_dict["NAME"]))
    return Path(settings.SIGHTLINE_HOME) / "audit" / f"{database}.head.json"


def read() -> Witnessed | None:
    """What the file says; None when there is none. Raises ``UnreadableWitness``."""
    file = path()
    try:
        found = json.loads(file.read_text("utf-8"))
        return Witnessed(
            number=int(found["number"]),
            hash=bytes.fromhex(found["hash"]),
            signature=bytes.fromhex(found["signature"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableWitness(f"The witness {file} cannot be read ({error}).") from None


def note(number: int) -> None:
    """Bring the file up to the committed head, which is ``number`` or later.

    Call it after the commit. Never raises: work that is done must not fail for its witness; what
    goes wrong is logged and shows in the next verification.
    """
    try:
        seen = read()
        if seen is not None and seen.number >= number:
            return
        with _locked():
            _advance()
    except (OSError, DatabaseError, UnreadableWitness) as error:
        logger.error("audit_witness_not_written", extra={"error": str(error)})


def _advance() -> None:
    seen = read()
    head = Entry.objects.order_by("-number").only("number", "hash", "signature").first()
    if head is None:
        return
    if seen is not None:
        if seen.number >= head.number:
            return
        known = Entry.objects.filter(number=seen.number).values_list("hash", flat=True).first()
        if known is None or bytes(known) != seen.hash:
            logger.critical("audit_trail_contradicts_witness", extra={"number": seen.number})
            return
    _write(
        {
            "number": head.number,
            "hash": bytes(head.hash).hex(),
            "signature": bytes(head.signature).hex(),
        }
    )


def _write(head: dict[str, int | str]) -> None:
    file = path()
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=".head-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(head, out)
            # On the disk before its name is: after a power cut some file systems would otherwise
            # show an empty file under the name, which nothing here replaces.
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


@contextmanager
def _locked() -> Iterator[None]:
    """One writer at a time, over processes; the lock ends with the process that holds it."""
    folder = path().parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
