"""The key that signs packages. Kept like the audit trail's, and apart from it."""

from __future__ import annotations

from typing import Final

from audit.keys import KeyPair

PACKAGES: Final = KeyPair(
    "package-signing-key.pem", "package-public-key.pem", "PACKAGE_SIGNING_KEY"
)
