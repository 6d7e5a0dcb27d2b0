"""Who acts: a member of staff, a platform's key, or Sightline itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Self

from staff.capabilities import Capability
from staff.errors import NotAllowed
from staff.scopes import SCOPE_CAPABILITIES, Scope

if TYPE_CHECKING:
    from staff.models import ApiKey, User

System = Literal["worker", "command", "beat", "web"]

_BACKGROUND = frozenset(
    {
        Capability.VIEW_CASES,
        Capability.VIEW_RUNS,
        Capability.START_RUNS,
        Capability.IMPORT_GRAPH,
        Capability.VIEW_THRESHOLDS,
        Capability.VIEW_AUDIT,
        Capability.ERASE_DATA,  # when its time is over
    }
)

# Judging people (reviewing, deciding escalations, seeing children's names) and approving a
# threshold change are never the system's: a person does that, by name.
SYSTEM_CAPABILITIES: dict[str, frozenset[Capability]] = {
    "worker": _BACKGROUND,
    "beat": _BACKGROUND,
    "web": frozenset(),
    "command": _BACKGROUND
    | {
        Capability.EDIT_THRESHOLDS,
        Capability.MANAGE_STAFF,
        Capability.MANAGE_KEYS,
        Capability.EXPORT_AUDIT,
    },
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Handed to every service first. ``label`` is what the audit trail keeps, as text.

    ``label`` reads ``staff:12 Sam Field``, ``key:3 Platform`` or ``system:worker``.
    ``granted`` holds the capabilities of an actor that is no member of staff.
    """

    label: str
    role: str
    user: User | None = None
    granted: frozenset[Capability] = field(default_factory=frozenset)

    @classmethod
    def of_user(cls, user: User) -> Self:
        return cls(label=f"staff:{user.pk} {user.name}", role=user.role, user=user)

    @classmethod
    def system(cls, source: System) -> Self:
        """Sightline itself. Raises KeyError for an unknown source."""
        return cls(label=f"system:{source}", role="system", granted=SYSTEM_CAPABILITIES[source])

    @classmethod
    def of_key(cls, key: ApiKey) -> Self:
        """A platform's program; it holds what its key's scopes stand for."""
        granted = frozenset[Capability]().union(
            *(SCOPE_CAPABILITIES[Scope(scope)] for scope in key.scopes)
        )
        return cls(label=f"key:{key.pk} {key.name}", role="key", granted=granted)

    def can(self, capability: Capability) -> bool:
        """Whether the actor holds ``capability``; a deactivated person holds none."""
        if self.user is not None:
            return self.user.can(capability)
        return capability in self.granted

    def require(self, capability: Capability) -> None:
        """Raise ``NotAllowed`` unless the actor holds ``capability``."""
        if not self.can(capability):
            raise NotAllowed(f"{self.label} may not {capability.replace('_', ' ')}.")
