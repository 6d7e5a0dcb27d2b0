"""Files that came through a page, from their arrival until their import is over."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from accounts.imports.progress import FileProgress
from accounts.models import ImportBatch
from accounts.services import queue_import
from audit.actors import Actor
from staff.capabilities import Capability


def accept_upload(
    *, actor: Actor, files: Sequence[UploadedFile[Any]], source: str = ""
) -> ImportBatch:
    """Keep ``files`` until a worker has imported them, and ask one to. Raises NotAllowed.

    What the sender calls a file stays text and never becomes a path.
    """
    actor.require(Capability.IMPORT_GRAPH)
    folder = _root() / uuid4().hex
    folder.mkdir(parents=True, mode=0o700)
    try:
        kept = [_keep(file, folder / str(number)) for number, file in enumerate(files, 1)]
        return queue_import(
            actor=actor,
            path=folder,
            origin=ImportBatch.Origin.UPLOAD,
            source=source,
            files=[file.as_json() for file in kept],
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def discard_imported() -> int:
    """Remove the uploaded files of every import that is over; how many uploads went.

    Their rows are in the tables and the rejects file, and they hold personal data. Safe to call at
    any time: an import that goes on, or is to go on, keeps its files.
    """
    over = [
        Path(path)
        for path in ImportBatch.objects.filter(
            origin=ImportBatch.Origin.UPLOAD, state__in=ImportBatch.OVER
        ).values_list("path", flat=True)
        if Path(path).is_dir()
    ]
    for folder in over:
        shutil.rmtree(folder, ignore_errors=True)
    return len(over)


def _root() -> Path:
    return Path(settings.MEDIA_ROOT) / "uploads"


def _keep(file: UploadedFile[Any], path: Path) -> FileProgress:
    with path.open("xb") as target:
        path.chmod(0o600)
        for piece in file.chunks():
            target.write(piece)
    return FileProgress(str(path), (file.name or path.name)[:255])
