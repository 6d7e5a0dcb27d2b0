"""Keys that sign: from the environment, or made once and kept under ``KEYS_DIR``.

The trail has one; what is handed out of the house is signed with another (``KeyPair``).
``audit.rotation`` replaces the trail's. A retired key's public half stays under ``RETIRED_FOLDER``,
so that what it signed still verifies; its private half goes.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from dataclasses import dataclass
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
NEXT_FILE = "audit-next-key.pem"
RETIRED_FOLDER = "audit-retired-keys"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Where one Ed25519 key comes from: the files below ``KEYS_DIR``, and the setting in front."""

    private_file: str
    public_file: str
    setting: str  # a setting that may hold the private key itself


TRAIL = KeyPair(PRIVATE_FILE, PUBLIC_FILE, "AUDIT_SIGNING_KEY")


class NoKey(Exception):
    """A public key is not on this machine. The message says where it was looked for."""


def signing_key(pair: KeyPair = TRAIL) -> Ed25519PrivateKey:
    """The private key. Made on first use, mode 600, unless the pair's setting gives one.

    Several processes that come first at once agree on one key.
    Raises ImproperlyConfigured when a key is given but unreadable, or cannot be kept.
    """
    if given := getattr(settings, pair.setting):
        return _from_text(given, pair.setting)
    return _from_folder(Path(settings.KEYS_DIR), pair)


def public_key(pair: KeyPair = TRAIL) -> Ed25519PublicKey:
    """The key that verifies. Never makes one: raises ``NoKey`` where none is.

    The exported public key alone is enough, so that an auditor needs no private key.
    """
    if given := getattr(settings, pair.setting):
        return _from_text(given, pair.setting).public_key()
    folder = Path(settings.KEYS_DIR)
    if os.access(folder / pair.private_file, os.R_OK):
        return _from_folder(folder, pair).public_key()
    try:
        return from_pem((folder / pair.public_file).read_bytes())
    except FileNotFoundError:
        raise NoKey(
            f"There is no key in {folder}: set {pair.setting}, or put {pair.public_file} there."
        ) from None
    except ValueError as error:
        raise NoKey(f"{folder / pair.public_file} holds no public key ({error}).") from None


def key_id(key: Ed25519PublicKey) -> str:
    """How pages and entries name ``key``: 16 hexadecimal digits, the start of its SHA-256."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def known_keys() -> list[Ed25519PublicKey]:
    """The key that verifies and every retired one on this machine, without repetition.

    Raises ``NoKey`` like ``public_key``, and for a retired key that cannot be read.
    """
    known = {key_id(key): key for key in (public_key(), *_retired())}
    return list(known.values())


def from_pem(text: bytes) -> Ed25519PublicKey:
    """The public key in a PEM text. Raises ValueError when it holds none of Ed25519."""
    key = load_pem_public_key(text)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is no Ed25519 key")
    return key


def next_key() -> Ed25519PrivateKey:
    """The key that is to take over, made when there is none yet. Raises ImproperlyConfigured."""
    path = Path(settings.KEYS_DIR) / NEXT_FILE
    try:
        if not path.exists():
            _make(path)
        return _private(path)
    except (OSError, ValueError, TypeError) as error:
        raise ImproperlyConfigured(f"{path} can be neither read nor made ({error}).") from None


def retire(key: Ed25519PublicKey) -> None:
    """Keep ``key`` among those that verify what was signed before."""
    path = Path(settings.KEYS_DIR) / RETIRED_FOLDER / f"{key_id(key)}.pem"
    _keep(path, public_pem(key).encode(), mode=0o644)


def promote_next() -> None:
    """Let the next key sign from now on; the present one's private half is overwritten."""
    folder = Path(settings.KEYS_DIR)
    retire(_private(folder / PRIVATE_FILE).public_key())
    new = _private(folder / NEXT_FILE).public_key()
    (folder / NEXT_FILE).replace(folder / PRIVATE_FILE)
    # Never absent: a process that still has the former key would put that one there.
    unfinished = folder / f".{PUBLIC_FILE}"
    unfinished.write_text(public_pem(new), "ascii")
    unfinished.chmod(0o644)
    unfinished.replace(folder / PUBLIC_FILE)


def _retired() -> list[Ed25519PublicKey]:
    found = []
    for path in sorted((Path(settings.KEYS_DIR) / RETIRED_FOLDER).glob("*.pem")):
        try:
            found.append(from_pem(path.read_bytes()))
        except (OSError, ValueError) as error:
            raise NoKey(f"{path} holds no public key ({error}).") from None
    return found


def was_used() -> bool:
    """Whether a key was made here, which the first entry does."""
    return (Path(settings.KEYS_DIR) / PRIVATE_FILE).exists()


def public_pem(key: Ed25519PublicKey) -> str:
    """``key`` as PEM text (SubjectPublicKeyInfo), for handing on."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


@lru_cache(maxsize=4)
def _from_text(text: str, setting: str) -> Ed25519PrivateKey:
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
            f"{setting} must be an Ed25519 private key: 32 bytes in base64, or PEM."
        )
    return key


def _from_folder(folder: Path, pair: KeyPair) -> Ed25519PrivateKey:
    path = folder / pair.private_file
    try:
        if not path.exists():
            _make(path)
        state = path.stat()
        key = _from_file(path, state.st_ino, state.st_mtime_ns)
        _keep(folder / pair.public_file, public_pem(key.public_key()).encode(), mode=0o644)
    except (OSError, ValueError, TypeError) as error:
        raise ImproperlyConfigured(
            f"The signing key {path} can be neither read nor made ({error})."
        ) from None
    return key


@lru_cache(maxsize=64)
def _from_file(path: Path, _inode: int, _modified: int) -> Ed25519PrivateKey:
    """Read once for each state of the file: a running process notices that it was replaced."""
    return _private(path)


def _private(path: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("not Ed25519")
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
