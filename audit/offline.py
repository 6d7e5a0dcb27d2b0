"""`python -m audit.offline FILE KEY.pem …`: checks a proof without a database or settings.

FILE is a proof as the audit page exports it or a package contains it; each KEY.pem an Ed25519
public key in PEM. Exit 0 when the proof holds, 1 when not, 2 for a file that cannot be read.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from audit import proofs


def main(arguments: list[str]) -> int:
    if len(arguments) < 2:
        sys.stderr.write("Usage: python -m audit.offline FILE KEY.pem [KEY.pem …]\n")
        return 2
    file, *pems = map(Path, arguments)
    try:
        text = file.read_text("utf-8")
        keys = [load_pem_public_key(pem.read_bytes()) for pem in pems]
    except (OSError, ValueError) as error:
        sys.stderr.write(f"Nothing was checked: {error}\n")
        return 2
    try:
        found = proofs.check(
            proofs.read(text), [key for key in keys if isinstance(key, Ed25519PublicKey)]
        )
    except proofs.BadProof as bad:
        sys.stderr.write(f"{file.name} proves nothing: {bad}\n")
        return 1
    count = len(found.numbers)
    sys.stdout.write(
        f"{count} {'entry' if count == 1 else 'entries'} stood in {found.trail}, "
        f"among {found.size}, at {found.at}.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
