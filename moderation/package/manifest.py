"""``manifest.json``: what is in a package, by hash and size; ``manifest.sig`` signs it.

The signature is Ed25519 over ``"sightline-referral-package-v1" 0x0A`` and the manifest's bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from moderation.package.canonical import json_bytes
from moderation.package.view import DRAFT_NOTICE, CaseView

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
FORMAT: Final = "sightline-referral-package-1"
SIGNED_PREFIX: Final = b"sightline-referral-package-v1\n"

SAYS: Final = {
    "report.pdf": "the case for reading",
    "cybertipline.xml": "NCMEC CyberTipline report",
    "evidence.json": "the case and the rows behind it, for programs",
    "contacts.csv": "the people around the account, for a spreadsheet",
    "audit.json": "who did what on this case, with proof",
}


def manifest_json(view: CaseView, files: Mapping[str, bytes], key: Ed25519PublicKey) -> bytes:
    """The manifest of ``files``, to be signed with the key whose public half is ``key``."""
    return json_bytes(
        {
            "format": FORMAT,
            "status": view.status,
            **({"notice": DRAFT_NOTICE} if view.is_draft else {}),
            "case": view.reference,
            "case_version": view.version,
            "as_of": view.as_of,
            "platform": view.reporter.platform,
            "signed_with": fingerprint(key),
            "files": [
                {
                    "name": name,
                    "says": SAYS.get(name, ""),
                    "size": len(data),
                    "sha256": hashlib.sha256(data).hexdigest(),
                }
                for name, data in files.items()
            ],
        }
    )


def sign(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """The 64 bytes of the signature; the same for the same manifest and key."""
    return key.sign(SIGNED_PREFIX + manifest)


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the raw public key, in hexadecimal: by which people compare keys."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()
