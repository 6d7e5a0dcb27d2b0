"""How this floor writes audit entries, although the trail lives on the floor above.

``audit`` registers its ``record`` here when Django starts. Nothing is ever written unrecorded:
without a recorder, ``record`` raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from staff.actors import Actor

VERBS: Final[dict[str, str]] = {
    "staff.create": "added a member of staff",
    "staff.change_role": "changed a role",
    "staff.deactivate": "deactivated a member of staff",
    "staff.reactivate": "reactivated a member of staff",
    "staff.set_password": "set a password",
    "staff.change_preferences": "changed own preferences",
    "staff.sign_in": "signed in",
    "staff.link_sign_on": "signed in at the organisation's service for the first time",
    "staff.sign_in_failed": "failed to sign in",
    "staff.sign_out": "signed out",
    "staff.session_ended": "reached the end of a session",
    "staff.add_factor": "added a second factor",
    "staff.remove_factor": "removed a second factor",
    "staff.reset_factors": "reset the second factors of a member of staff",
    "key.create": "made an API key",
    "key.revoke": "revoked an API key",
}
"""Verbs of this floor and how the audit page words them."""

_recorder: Callable[..., Any] | None = None


def set_recorder(recorder: Callable[..., Any]) -> None:
    """Called once, by the audit floor."""
    global _recorder  # noqa: PLW0603 - the one registered callback of this floor
    _recorder = recorder


def record(
    *,
    actor: Actor,
    verb: str,
    target: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Write one audit entry inside the running transaction (see ``audit.services.record``)."""
    if _recorder is None:
        raise RuntimeError("No audit trail is registered; is the app 'audit' installed?")
    _recorder(actor=actor, verb=verb, target=target, before=before, after=after, reason=reason)
