"""Who reaches which page of this floor; the tests walk it against every route."""

from __future__ import annotations

from typing import Final

from staff.capabilities import ROLE_CAPABILITIES, Capability, Role


def _roles(capability: Capability) -> frozenset[Role]:
    return frozenset(role for role, held in ROLE_CAPABILITIES.items() if capability in held)


_READ: Final = _roles(Capability.VIEW_CASES)
_REVIEW: Final = _roles(Capability.REVIEW_CASES)
_REVEAL: Final = _roles(Capability.REVEAL_CHILDREN)
_DECIDE: Final = _roles(Capability.DECIDE_ESCALATIONS)

urls_policy: Final[dict[str, frozenset[Role]]] = {
    "help": frozenset(Role),
    "go": frozenset(Role),
    "style": frozenset(Role),
    "queue": _READ,
    "queue_updates": _READ,
    "queue_start": _REVIEW,
    "bulk": _REVIEW,
    "bulk_job": _REVIEW,
    "case": _READ,
    "case_claim": _REVIEW,
    "case_renew": _REVIEW,
    "case_release": _REVIEW,
    "case_put_back": _roles(Capability.REASSIGN_CASES),
    "case_skip": _REVIEW,
    "shift": _REVIEW,
    "shift_choose": _REVIEW,
    "pause": _REVIEW,
    "shift_end": _REVIEW,
    "care": _roles(Capability.MANAGE_STAFF),
    "case_reveal": _REVEAL,
    "case_conceal": _REVEAL,
    "case_dismiss": _REVIEW,
    "case_monitor": _REVIEW,
    "case_age_check": _REVIEW,
    "case_age_answer": _REVIEW,
    "case_escalate": _REVIEW,
    "case_note": _REVIEW,
    "case_draft": _REVIEW,
    "case_undo": _REVIEW,
    "case_refer": _DECIDE,
    "case_return": _DECIDE,
    "case_dismiss_escalation": _DECIDE,
    "deadlines": _roles(Capability.EDIT_THRESHOLDS),
    "escalations": _DECIDE,
    "second_looks": _REVIEW,
    "second_look_start": _REVIEW,
    "second_look": _REVIEW,
    "exemptions": _READ,
    "exemption_revoke": _DECIDE,
    "referrals": _READ,
    "referral": _READ,
    "referral_step": _DECIDE,
    "referral_file": _DECIDE,
    "referral_nca": _DECIDE,
    "case_package": _DECIDE,
    "outbox": _READ,
    "outbox_retry": _DECIDE,
    "case_hold": _DECIDE,
    "case_linked": _READ,
}
