"""Who reaches which page of this floor. The tests walk it against every route."""

from __future__ import annotations

from typing import Final

from staff.capabilities import Role

_AUDITORS: Final = frozenset({Role.AUDITOR})

urls_policy: Final[dict[str, frozenset[Role]]] = {
    "audit": _AUDITORS,
    "audit_verify": _AUDITORS,
    "audit_export": _AUDITORS,
    "audit_checkpoint": _AUDITORS,
    "audit_public_key": _AUDITORS,
}
"""Name of the route to the roles that it is for."""
