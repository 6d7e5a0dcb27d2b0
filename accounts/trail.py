"""Verbs of this floor, and how the audit page words them."""

from typing import Final

VERBS: Final[dict[str, str]] = {
    "import.create": "started an import",
    "import.finish": "finished an import",
    "import.interrupt": "found an import interrupted",
    "import.download_rejects": "downloaded the rejected rows of an import",
}
