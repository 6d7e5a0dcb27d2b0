"""Who reaches which page of this floor; the tests walk it against every route."""

from __future__ import annotations

from typing import Final

from staff.capabilities import ROLE_CAPABILITIES, Capability, Role
from staff.policy import KEYS

_IMPORTERS: Final = frozenset(
    role for role, held in ROLE_CAPABILITIES.items() if Capability.IMPORT_GRAPH in held
)

urls_policy: Final[dict[str, frozenset[Role] | str]] = {
    "imports": _IMPORTERS,
    "import_detail": _IMPORTERS,
    "import_rejects": _IMPORTERS,
    "api_accounts": KEYS,
    "api_ties": KEYS,
    "api_events": KEYS,
}
