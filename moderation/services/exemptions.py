"""Keeping an account from being flagged again: granted with a dismissal, revoked by supervisors."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from moderation.domain.exemptions import refusal
from moderation.errors import ExemptionEnded
from moderation.models import Case, Decision, Exemption
from moderation.services.checks import Entered
from moderation.services.moves import Turn, person, target
from staff.capabilities import Capability
from staff.models import User

TAKEN_BACK = "The dismissal was taken back."


def check(entered: Entered, turn: Turn, *, reason: str, until: date | None) -> None:
    """Note in ``entered`` (field "exempt_until") why a dismissal cannot grant the exemption."""
    if until is None:
        return
    today = timezone.localdate(turn.now)
    why_not = refusal(reason=reason, role=turn.user.role, until=until, today=today)
    if why_not:
        entered.errors["exempt_until"] = why_not


def grant(turn: Turn, decision: Decision, until: date | None) -> None:
    """Exempt the account of a case that was just dismissed, where ``until`` is given.

    In the transaction of the dismissal, by the person who dismissed, after ``check``.
    """
    if until is None:
        return
    exemption = Exemption.objects.create(
        account_id=turn.case.account_id,
        decision=decision,
        until=until,
        granted_by=turn.user,
        granted_at=turn.now,
    )
    record(
        actor=turn.actor,
        verb="exemption.grant",
        target=target(turn.case),
        after={"exemption": exemption.pk, "until": until},
        reason=decision.reason,
    )


def revoke(*, actor: Actor, exemption_id: int, reason: str) -> Exemption:
    """End an exemption before its day; the next run may flag the account again.

    Raises NotAllowed, ExemptionEnded, InvalidDecision (field "reason") or Exemption.DoesNotExist.
    """
    actor.require(Capability.DECIDE_ESCALATIONS)
    user = person(actor)
    entered = Entered()
    reason = entered.text("reason", reason, missing="Say why it ends.")
    entered.check()
    with transaction.atomic():
        case = Case.objects.select_for_update().get(decisions__exemption=exemption_id)
        exemption = Exemption.objects.select_for_update().get(pk=exemption_id)
        if exemption.revoked_at is not None or exemption.until <= timezone.localdate():
            raise ExemptionEnded(reference=case.reference)
        _end(exemption, case, actor=actor, user=user, reason=reason)
        return exemption


def take_back(turn: Turn, decision: Decision) -> None:
    """End what ``decision`` granted, because the decision itself is taken back."""
    granted = Exemption.objects.select_for_update().filter(decision=decision, revoked_at=None)
    for exemption in granted:
        _end(exemption, turn.case, actor=turn.actor, user=turn.user, reason=TAKEN_BACK)


def _end(exemption: Exemption, case: Case, *, actor: Actor, user: User, reason: str) -> None:
    exemption.revoked_by, exemption.revoked_at = user, timezone.now()
    exemption.revoke_reason = reason
    exemption.save(update_fields=["revoked_by", "revoked_at", "revoke_reason"])
    record(
        actor=actor,
        verb="exemption.revoke",
        target=target(case),
        before={"until": exemption.until},
        after={"exemption": exemption.pk},
    )
