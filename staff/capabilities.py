"""What each role may do. Pure data: the pages, the services and the tests all read it from here."""

from enum import StrEnum


class Role(StrEnum):
    MODERATOR = "moderator"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Capability(StrEnum):
    VIEW_CASES = "view_cases"
    REVIEW_CASES = "review_cases"  # claim, dismiss, monitor, ask for an age check, escalate
    REVEAL_CHILDREN = "reveal_children"
    DECIDE_ESCALATIONS = "decide_escalations"  # refer, return, dismiss what another escalated
    REASSIGN_CASES = "reassign_cases"
    VIEW_LOAD = "view_load"
    VIEW_RUNS = "view_runs"
    START_RUNS = "start_runs"
    IMPORT_GRAPH = "import_graph"
    VIEW_THRESHOLDS = "view_thresholds"
    EDIT_THRESHOLDS = "edit_thresholds"
    APPROVE_THRESHOLDS = "approve_thresholds"  # another admin's change, never one's own
    MANAGE_STAFF = "manage_staff"
    MANAGE_KEYS = "manage_keys"
    VIEW_AUDIT = "view_audit"
    EXPORT_AUDIT = "export_audit"
    ERASE_DATA = "erase_data"  # an account's personal data, for good


ROLE_CAPABILITIES: dict[Role, frozenset[Capability]] = {
    Role.MODERATOR: frozenset(
        {Capability.VIEW_CASES, Capability.REVIEW_CASES, Capability.REVEAL_CHILDREN}
    ),
    Role.SUPERVISOR: frozenset(
        {
            Capability.VIEW_CASES,
            Capability.REVIEW_CASES,
            Capability.REVEAL_CHILDREN,
            Capability.DECIDE_ESCALATIONS,
            Capability.REASSIGN_CASES,
            Capability.VIEW_LOAD,
            Capability.VIEW_RUNS,
            Capability.VIEW_THRESHOLDS,
        }
    ),
    Role.ADMIN: frozenset(
        {
            Capability.VIEW_RUNS,
            Capability.START_RUNS,
            Capability.IMPORT_GRAPH,
            Capability.VIEW_THRESHOLDS,
            Capability.EDIT_THRESHOLDS,
            Capability.APPROVE_THRESHOLDS,
            Capability.MANAGE_STAFF,
            Capability.MANAGE_KEYS,
            Capability.ERASE_DATA,
        }
    ),
    Role.AUDITOR: frozenset({Capability.VIEW_AUDIT, Capability.EXPORT_AUDIT}),
}


def role_can(role: str, capability: Capability) -> bool:
    """Whether ``role`` holds ``capability``; an unknown role holds none."""
    try:
        return capability in ROLE_CAPABILITIES[Role(role)]
    except ValueError:
        return False
