"""Second factors: recorded when people add or remove their own, reset when one is lost."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.db import transaction

from staff import trail
from staff.actors import Actor
from staff.capabilities import Capability
from staff.errors import Refused
from staff.models import User
from staff.services.people import target_of


@transaction.atomic
def record_factor_added(*, actor: Actor, user: User, kind: str) -> None:
    """``kind``: ``totp``, ``webauthn`` or ``recovery_codes``."""
    trail.record(actor=actor, verb="staff.add_factor", target=target_of(user), after={"kind": kind})


@transaction.atomic
def record_factor_removed(*, actor: Actor, user: User, kind: str) -> None:
    """``kind`` as in ``record_factor_added``."""
    trail.record(
        actor=actor, verb="staff.remove_factor", target=target_of(user), before={"kind": kind}
    )


@transaction.atomic
def reset_second_factor(*, actor: Actor, user_id: int) -> User:
    """Remove all second factors of somebody who lost them, so that new ones can be set up.

    Raises NotAllowed; Refused for oneself and for a person without any; User.DoesNotExist.
    """
    actor.require(Capability.MANAGE_STAFF)
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    if actor.user is not None and actor.user.pk == user.pk:
        raise Refused("Change your own second factor on the preferences page.")
    factors = Authenticator.objects.filter(user=user)
    kinds = sorted(factors.values_list("type", flat=True))
    if not kinds:
        raise Refused(f"{user.name} has no second factor.")
    factors.delete()
    trail.record(
        actor=actor,
        verb="staff.reset_factors",
        target=target_of(user),
        before={"kinds": kinds},
    )
    return user
