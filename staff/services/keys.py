"""Making and revoking API keys."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from staff import trail
from staff.actors import Actor
from staff.capabilities import Capability
from staff.errors import InvalidInput, Refused
from staff.models import ApiKey
from staff.scopes import Scope

PREFIX: Final = "slk_"
DEFAULT_DAYS: Final = 365
LONGEST_DAYS: Final = 730

_HINT_LENGTH: Final = 9
_NOTE_USE_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. ``secret`` exists here only: the database keeps its SHA-256."""

    key: ApiKey
    secret: str


@transaction.atomic
def create_api_key(
    *, actor: Actor, name: str, scopes: Collection[str], days: int = DEFAULT_DAYS
) -> NewKey:
    """Make a key that works for ``days`` days (1 to 730).

    Raises NotAllowed; InvalidInput with the fields ``name``, ``scopes``, ``days``; Refused when a
    key that is not revoked bears the name.
    """
    actor.require(Capability.MANAGE_KEYS)
    name = " ".join(name.split())
    _check(name, scopes, days)
    if ApiKey.objects.filter(name=name, revoked_at=None).exists():
        raise Refused(f"There is already a key named {name!r}; revoke it first or choose another.")
    secret = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name,
        digest=digest_of(secret),
        hint=secret[:_HINT_LENGTH],
        scopes=sorted(set(scopes)),
        created_by=actor.label,
        expires_at=timezone.now() + timedelta(days=days),
    )
    trail.record(
        actor=actor,
        verb="key.create",
        target=f"key:{key.pk}",
        after={"name": key.name, "scopes": key.scopes, "expires_at": key.expires_at},
    )
    return NewKey(key, secret)


@transaction.atomic
def revoke_api_key(*, actor: Actor, key_id: int) -> ApiKey:
    """End a key at once and for good.

    Raises NotAllowed; Refused when it is revoked already; ApiKey.DoesNotExist.
    """
    actor.require(Capability.MANAGE_KEYS)
    key = ApiKey.objects.select_for_update().get(pk=key_id)
    if key.revoked_at is not None:
        raise Refused(f"The key {key.name!r} is already revoked.")
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    trail.record(
        actor=actor,
        verb="key.revoke",
        target=f"key:{key.pk}",
        before={"revoked": False},
        after={"revoked": True},
    )
    return key


def note_use(key: ApiKey) -> None:
    """Keep when the key was last used, to the minute. What was done with it has its own entry."""
    now = timezone.now()
    ApiKey.objects.filter(pk=key.pk).filter(
        Q(last_used_at=None) | Q(last_used_at__lt=now - _NOTE_USE_EVERY)
    ).update(last_used_at=now)


def digest_of(secret: str) -> str:
    """What the database keeps of a key. Plain SHA-256 is enough: keys hold 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _check(name: str, scopes: Collection[str], days: int) -> None:
    errors: dict[str, str] = {}
    if not name or len(name) > 80 or not name.isprintable():
        errors["name"] = "The name must have 1 to 80 printable characters."
    unknown = sorted(set(scopes) - set(Scope))
    if unknown:
        errors["scopes"] = f"{unknown[0]!r} is no scope: choose among {', '.join(Scope)}."
    elif not scopes:
        errors["scopes"] = f"Choose at least one scope: {', '.join(Scope)}."
    if not 1 <= days <= LONGEST_DAYS:
        errors["days"] = f"A key works for 1 to {LONGEST_DAYS} days."
    if errors:
        raise InvalidInput(errors)
