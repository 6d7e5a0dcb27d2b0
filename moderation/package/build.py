"""From a view to the bytes of a package."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from moderation.cybertipline.report import cybertipline_xml
from moderation.package.archive import pack
from moderation.package.contacts import contacts_csv
from moderation.package.evidence import evidence_json
from moderation.package.manifest import MANIFEST, SIGNATURE, manifest_json, sign
from moderation.package.report import report_pdf
from moderation.package.trail import audit_json
from moderation.package.view import CaseView

WRITERS: Final = {
    "report.pdf": report_pdf,
    "cybertipline.xml": cybertipline_xml,
    "evidence.json": evidence_json,
    "contacts.csv": contacts_csv,
    "audit.json": audit_json,
}
"""The files of a package in their order, and what writes each from the view."""


def build(view: CaseView, key: Ed25519PrivateKey) -> bytes:
    """The package of ``view``, signed with ``key``: the same view and key, the same bytes."""
    files = {name: write(view) for name, write in WRITERS.items()}
    manifest = manifest_json(view, files, key.public_key())
    files[MANIFEST] = manifest
    files[SIGNATURE] = sign(manifest, key)
    return pack(files)
