"""Police holds: while one is set, no child is warned about the account and nothing is removed."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from moderation.errors import HoldStands, NoHold
from moderation.models import Case, PoliceHold
from moderation.services.checks import Entered
from moderation.services.moves import lock, person, target
from staff.capabilities import Capability

_WHY = "Say who asked for it and why, in a sentence or two."


def set_hold(*, actor: Actor, case_id: int, reason: str) -> PoliceHold:
    """Set a hold on the account of a case, in whatever state the case is.

    Raises NotAllowed, HoldStands, InvalidDecision (field "reason") or Case.DoesNotExist.
    """
    actor.require(Capability.DECIDE_ESCALATIONS)
    user = person(actor)
    with transaction.atomic():
        case = lock(case_id)
        reason = _reason(reason)
        if _standing(case):
            raise HoldStands(reference=case.reference)
        hold = PoliceHold.objects.create(
            account_id=case.account_id,
            case=case,
            reason=reason,
            set_by=user,
            set_at=timezone.now(),
        )
        record(actor=actor, verb="hold.set", target=target(case), after={"hold": hold.pk})
        return hold


def lift_hold(*, actor: Actor, case_id: int, reason: str) -> PoliceHold:
    """Lift the hold on the account of a case, also where it was set on another of its cases.

    Raises NotAllowed, NoHold, InvalidDecision (field "reason") or Case.DoesNotExist.
    """
    actor.require(Capability.DECIDE_ESCALATIONS)
    user = person(actor)
    with transaction.atomic():
        case = lock(case_id)
        reason = _reason(reason)
        hold = _standing(case)
        if hold is None:
            raise NoHold(reference=case.reference)
        hold.lifted_by, hold.lifted_at, hold.lift_reason = user, timezone.now(), reason
        hold.save(update_fields=["lifted_by", "lifted_at", "lift_reason"])
        record(actor=actor, verb="hold.lift", target=target(case), after={"hold": hold.pk})
        return hold


def _reason(reason: str) -> str:
    entered = Entered()
    reason = entered.text("reason", reason, missing=_WHY)
    entered.check()
    return reason


def _standing(case: Case) -> PoliceHold | None:
    """The account's hold, locked. Cases of one account are few; the row itself is the lock."""
    return (
        PoliceHold.objects.select_for_update()
        .filter(account=case.account_id, lifted_at__isnull=True)
        .first()
    )
