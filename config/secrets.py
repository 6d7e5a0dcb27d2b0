"""Secrets that the embedded mode makes for itself and keeps."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config.embedded_programs import make_home


def kept_secret(path: Path) -> str:
    """The secret in the file `path`; made at random, readable by its owner only, on first use.

    Safe when several processes come first at once: one of their values wins and all use it.
    Raises ImproperlyConfigured when the file can be neither read nor made.
    """
    try:
        if not path.exists():
            _make(path)
        value = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"The secret in {path} can be neither read nor made ({error}); "
            "set SIGHTLINE_HOME to a folder that you may write to."
        ) from None
    if not value:
        raise ImproperlyConfigured(f"{path} is empty: remove it and a new one is made.")
    return value


def _make(path: Path) -> None:
    make_home(path.parent)
    # mkstemp gives mode 600; link() then makes the whole file appear at once, or not at all.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".secret-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(64) + "\n")
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        Path(temporary).unlink()
