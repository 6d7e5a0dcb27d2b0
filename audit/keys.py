"""The key that signs the trail: from the environment, or made once and kept under ``KEYS_DIR``."""

from __future__ import annotations

import base64
import os
import tempfile
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

PRIVATE_FILE = "audit-signing-key.pem"
PUBLIC_FILE = "audit-public-key.pem"


class NoKey(Exception):
    """The trail's public key is not on this machine. The message says where it was looked for."""


def signing_key() -> Ed25519PrivateKey:
    """The private key. Made on first use, mode 600, unless ``AUDIT_SIGNING_KEY`` gives one.

    Several processes that come first at once agree on one key.
    Raises ImproperlyConfigured when a key is given but unreadable, or cannot be kept.
    """
    if settings.AUDIT_SIGNING_KEY:
        return _from_text(settings.AUDIT_SIGNING_KEY)
    return _from_folder(Path(settings.KEYS_DIR))


def public_key() -> Ed25519PublicKey:
    """The key that verifies. Never makes one: raises ``NoKey`` where none is.

    The exported public key alone is enough, so that an auditor needs no private key.
    """
    if settings.AUDIT_SIGNING_KEY:
        return _from_text(settings.AUDIT_SIGNING_KEY).public_key()
    folder = Path(settings.KEYS_DIR)
    if os.access(folder / PRIVATE_FILE, os.R_OK):
        return _from_folder(folder).public_key()
    try:
        key = load_pem_public_key((folder / PUBLIC_FILE).read_bytes())
    except FileNotFoundError:
        raise NoKey(
            f"There is no key in {folder}: set AUDIT_SIGNING_KEY, or put the trail's "
            f"{PUBLIC_FILE} there."
        ) from None
    except ValueError as error:
        raise NoKey(f"{folder / PUBLIC_FILE} holds no public key ({error}).") from None
    if not isinstance(key, Ed25519PublicKey):
        raise NoKey(f"{folder / PUBLIC_FILE} holds no Ed25519 key.")
    return key


def was_used() -> bool:
    """Whether a key was made here, which the first entry does."""
    return (Path(settings.KEYS_DIR) / PRIVATE_FILE).exists()


def public_pem(key: Ed25519PublicKey) -> str:
    """``key`` as PEM text (SubjectPublicKeyInfo), for handing on."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


@lru_cache(maxsize=4)
def _from_text(text: str) -> Ed25519PrivateKey:
    """A PEM text, or the 32 bytes of the private key in base64."""
    try:
        if "-----BEGIN" in text:
            key = load_pem_private_key(text.replace("\\n", "\n").encode(), password=None)
        else:
            key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True))
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ImproperlyConfigured(
            "AUDIT_SIGNING_KEY must be an Ed25519 private key: 32 bytes in base64, or PEM."
        )
    return key


@lru_cache(maxsize=64)
def _from_folder(folder: Path) -> Ed25519PrivateKey:
    path = folder / PRIVATE_FILE
    try:
        if not path.exists():
            _make(path)
        key = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("not Ed25519")
        _keep(folder / PUBLIC_FILE, public_pem(key.public_key()).encode(), mode=0o644)
    except (OSError, ValueError, TypeError) as error:
        raise ImproperlyConfigured(
            f"The audit trail's key {path} can be neither read nor made ({error})."
        ) from None
    return key


def _make(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    _keep(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)


def _keep(path: Path, data: bytes, *, mode: int) -> None:
    """Write the file whole or not at all; a file that another process made first stays."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".key-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        Path(temporary).unlink()
