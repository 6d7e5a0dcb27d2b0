"""What an API key may do. Pure data, like the roles' capabilities."""

from enum import StrEnum

from staff.capabilities import Capability


class Scope(StrEnum):
    GRAPH_WRITE = "graph:write"
    ADVICE_READ = "advice:read"
    CASES_READ = "cases:read"
    ALERTS_WRITE = "alerts:write"


SCOPE_MEANINGS: dict[Scope, str] = {
    Scope.GRAPH_WRITE: "Send accounts, ties and events",
    Scope.ADVICE_READ: "Ask for contact advice",
    Scope.CASES_READ: "Read cases without personal data",
    Scope.ALERTS_WRITE: "Report what became of alerts",
}

SCOPE_CAPABILITIES: dict[Scope, frozenset[Capability]] = {
    Scope.GRAPH_WRITE: frozenset({Capability.IMPORT_GRAPH}),
    Scope.ADVICE_READ: frozenset(),
    Scope.CASES_READ: frozenset({Capability.VIEW_CASES}),
    Scope.ALERTS_WRITE: frozenset(),
}
"""Capabilities that services ask for, held by a key's actor through its scopes."""
