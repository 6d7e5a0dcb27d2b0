"""The threshold version in force, and the first one, which nobody proposed."""

from __future__ import annotations

from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from signals.models import ThresholdSet
from signals.spec import ThresholdSpec

_LOCK: Final = 0x5174_51A8
"""Key of the advisory lock under which versions are numbered and activated."""

DEFAULT_NOTE: Final = "The defaults that Sightline comes with."


def active_thresholds() -> ThresholdSet:
    """The version in force. The first call ever installs the defaults as version 1, audited."""
    found = ThresholdSet.objects.filter(state=ThresholdSet.State.ACTIVE).first()
    return found or _install_defaults()


@transaction.atomic
def _install_defaults() -> ThresholdSet:
    one_at_a_time()
    found = ThresholdSet.objects.filter(state=ThresholdSet.State.ACTIVE).first()
    if found is not None:
        return found
    first = ThresholdSet.objects.create(
        version=1,
        state=ThresholdSet.State.ACTIVE,
        spec=ThresholdSpec().to_dict(),
        note=DEFAULT_NOTE,
        activated_at=timezone.now(),
    )
    record(
        actor=Actor.system("worker"),
        verb="thresholds.install",
        target=target(first),
        after={"spec": first.spec},
        reason=DEFAULT_NOTE,
    )
    return first


def one_at_a_time() -> None:
    """Let no other transaction number or activate a version until this one ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def target(thresholds: ThresholdSet) -> str:
    """How the audit trail names a version."""
    return f"thresholds:{thresholds.version}"
