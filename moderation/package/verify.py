"""Checking a package with nothing but the public key: no Django, no database, no network.

python -m moderation.package.verify FILE.zip package-public-key.pem
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from audit import proofs
from moderation.package.archive import Damaged, Unpacked, first_difference, pack, shown, unpack
from moderation.package.manifest import FORMAT, MANIFEST, SIGNATURE, SIGNED_PREFIX, fingerprint

USAGE: Final = "python -m moderation.package.verify FILE.zip PUBLIC-KEY.pem [AUDIT-KEY.pem …]"


class NotGenuine(Exception):
    """The package is not as it was signed. The message names the file or the bytes."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a package that holds says of itself."""

    case: str
    status: str
    as_of: str
    files: int
    size: int
    signed_with: str
    proven: int | None  # entries of the trail whose proof was checked; None where no key was there


def verify(
    data: bytes, key: Ed25519PublicKey, trail_keys: Collection[Ed25519PublicKey] = ()
) -> Verified:
    """Check every byte of a package against its signed manifest, made with ``key``.

    With the keys of the audit trail the proof in ``audit.json`` is checked as well. Raises
    NotGenuine.
    """
    try:
        found = unpack(data)
    except Damaged as damage:
        raise NotGenuine(str(damage)) from None
    manifest = _signed_manifest(found, key)
    _check_files(found, manifest)
    ordered = [str(entry["name"]) for entry in manifest["files"]] + [MANIFEST, SIGNATURE]
    place = first_difference(data, pack({name: found.files[name] for name in ordered}))
    if place is not None:
        raise NotGenuine(
            f"Byte {place:,} of the package, in {found.at(place)}, is not as it was written. The "
            "files themselves are; something was changed or put between them."
        )
    proven = _proven_entries(found, trail_keys) if trail_keys else None
    return Verified(
        case=str(manifest["case"]),
        status=str(manifest["status"]),
        as_of=str(manifest["as_of"]),
        files=len(ordered),
        size=len(data),
        signed_with=str(manifest["signed_with"]),
        proven=proven,
    )


def load_key(pem: bytes) -> Ed25519PublicKey:
    """The public key in ``pem``. Raises NotGenuine where there is none."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise NotGenuine("The file given as the public key holds no Ed25519 public key.")
    return key


def _signed_manifest(found: Unpacked, key: Ed25519PublicKey) -> dict[str, Any]:
    for name in (MANIFEST, SIGNATURE):
        if name not in found.files:
            raise NotGenuine(f"{name} is missing from the package.")
    text = found.files[MANIFEST]
    try:
        key.verify(found.files[SIGNATURE], SIGNED_PREFIX + text)
    except InvalidSignature:
        raise NotGenuine(
            f"{MANIFEST} was not signed with the key {fingerprint(key)[:16]}…, or it or "
            f"{SIGNATURE} was changed since{_where(found, MANIFEST)}."
        ) from None
    manifest: dict[str, Any] = json.loads(text)
    if manifest.get("format") != FORMAT:
        raise NotGenuine(f"{MANIFEST} is of a format that is not known here.")
    return manifest


def _check_files(found: Unpacked, manifest: dict[str, Any]) -> None:
    listed = {str(entry["name"]): entry for entry in manifest["files"]}
    for name in found.files:
        if name not in listed and name not in (MANIFEST, SIGNATURE):
            raise NotGenuine(f"{shown(name)} is in the package, but not in its manifest.")
    for name, entry in listed.items():
        data = found.files.get(name)
        if data is None:
            raise NotGenuine(f"{name} is missing from the package.")
        if len(data) != entry["size"] or hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise NotGenuine(
                f"{name} is not the file that was signed{_where(found, name)}: its manifest says "
                f"{entry['size']:,} bytes with SHA-256 {entry['sha256'][:16]}…"
            )


def _proven_entries(found: Unpacked, keys: Collection[Ed25519PublicKey]) -> int:
    try:
        said = proofs.read(found.files["audit.json"].decode("utf-8"))
        return len(proofs.check(said["proof"], keys).numbers)
    except (proofs.BadProof, KeyError, TypeError, UnicodeDecodeError) as bad:
        raise NotGenuine(f"audit.json proves nothing: {bad}") from None


def _where(found: Unpacked, name: str) -> str:
    start, end = found.places[name]
    return f" (bytes {start:,} to {end - 1:,} of the package)"


def main(argv: list[str]) -> int:
    """Exit status 0 where the package holds, 1 where not; one line says why."""
    if len(argv) < 3:
        print(f"Usage: {USAGE}", file=sys.stderr)
        return 2
    try:
        data, key, *trail = (Path(name).read_bytes() for name in argv[1:])
        held = verify(data, load_key(key), [load_key(pem) for pem in trail])
    except (NotGenuine, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    print(sentence(held))
    return 0


def sentence(held: Verified) -> str:
    """What to tell a person about a package that holds."""
    said = (
        f"The package of {held.case} ({held.status}, as of {held.as_of}) is genuine: {held.files} "
        f"files, {held.size:,} bytes, signed with {held.signed_with}."
    )
    if held.proven is not None:
        said += f" {held.proven} entries of the audit trail are proven."
    return said


if __name__ == "__main__":
    sys.exit(main(sys.argv))
