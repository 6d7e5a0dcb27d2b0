"""Who reaches which page of this floor; the tests walk it against every route."""

from __future__ import annotations

from typing import Final

from staff.capabilities import ROLE_CAPABILITIES, Capability, Role


def _roles(capability: Capability) -> frozenset[Role]:
    return frozenset(role for role, held in ROLE_CAPABILITIES.items() if capability in held)


urls_policy: Final[dict[str, frozenset[Role]]] = {
    "runs": _roles(Capability.VIEW_RUNS),
    "run_start": _roles(Capability.START_RUNS),
    "run_detail": _roles(Capability.VIEW_RUNS),
    "run_cancel": _roles(Capability.START_RUNS),
    "thresholds": _roles(Capability.VIEW_THRESHOLDS),
    "threshold_propose": _roles(Capability.EDIT_THRESHOLDS),
    "threshold_version": _roles(Capability.VIEW_THRESHOLDS),
    "threshold_approve": _roles(Capability.APPROVE_THRESHOLDS),
    "threshold_withdraw": _roles(Capability.EDIT_THRESHOLDS),
}
