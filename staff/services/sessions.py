"""Signing in and out, as the audit trail keeps it."""

from __future__ import annotations

from django.db import transaction
from django.utils.crypto import salted_hmac

from staff import trail
from staff.actors import Actor
from staff.models import User
from staff.services.people import target_of
from staff.sessions import Ending


@transaction.atomic
def record_sign_in(*, actor: Actor, user: User, methods: list[str]) -> None:
    """``user`` has signed in, by ``methods`` such as ``password`` and ``totp``."""
    trail.record(
        actor=actor, verb="staff.sign_in", target=target_of(user), after={"methods": methods}
    )


@transaction.atomic
def record_failed_sign_in(*, actor: Actor, email: str, step: str) -> None:
    """Somebody failed to sign in with ``email`` at ``step`` (``password``, ``totp``, …).

    An address that is nobody's here is kept as a keyed digest only: people mistype, and enter
    their password into the wrong field.
    """
    user = User.objects.filter(email__iexact=email.strip()).only("pk").first() if email else None
    if user is not None:
        target, after = target_of(user), {"step": step}
    else:
        digest = salted_hmac("staff.sign_in_failed", email.strip().lower()).hexdigest()[:16]
        target, after = f"unknown:{digest}", {"step": step}
    trail.record(actor=actor, verb="staff.sign_in_failed", target=target, after=after)


@transaction.atomic
def record_sign_out(*, actor: Actor, user: User) -> None:
    """``user`` has signed out."""
    trail.record(actor=actor, verb="staff.sign_out", target=target_of(user))


@transaction.atomic
def record_session_end(*, actor: Actor, user: User, ending: Ending) -> None:
    """The session of ``user`` ended by itself: unused for too long, or too old."""
    trail.record(
        actor=actor, verb="staff.session_ended", target=target_of(user), after={"ending": ending}
    )
