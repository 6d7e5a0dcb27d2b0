"""Seeing the names of a case's children: with a reason, for a while, and in the audit trail."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from moderation.domain.reveals import LASTS, RevealReason, stands
from moderation.errors import NotInHand
from moderation.models import Case, Reveal
from moderation.services.care import note_reveal
from moderation.services.checks import Entered
from moderation.services.moves import lock, person, target
from staff.capabilities import Capability
from staff.models import User


def reveal(*, actor: Actor, case_id: int, reason: str, note: str = "") -> Reveal:
    """Let the actor see the names and birth dates of the case's children for 20 minutes.

    The case's version stays: seeing changes nothing. Raises NotAllowed, NotInHand (claim it
    first), InvalidDecision (fields "reason", "note") or Case.DoesNotExist.
    """
    actor.require(Capability.REVEAL_CHILDREN)
    user = person(actor)
    with transaction.atomic():
        case = lock(case_id)
        _check_in_hand(case, user)
        entered = Entered()
        code = entered.code("reason", reason, RevealReason)
        if note.strip():
            note = entered.text("note", note, missing="")
        entered.check()
        now = timezone.now()
        note_reveal(user, case, now)
        entry = record(
            actor=actor,
            verb="case.reveal",
            target=target(case),
            after={"until": now + LASTS},
            reason=code,
        )
        return Reveal.objects.create(
            case=case,
            by=user,
            reason=code,
            note=note.strip(),
            at=now,
            ends_at=now + LASTS,
            entry=entry,
        )


def conceal(*, actor: Actor, case_id: int) -> int:
    """Hide the names again before their time is over; how many reveals ended. Nothing else.

    Raises NotAllowed or Case.DoesNotExist.
    """
    actor.require(Capability.REVEAL_CHILDREN)
    user = person(actor)
    with transaction.atomic():
        case = lock(case_id)
        now = timezone.now()
        ended = Reveal.objects.filter(case=case, by=user, ends_at__gt=now).update(ends_at=now)
        if ended:
            record(actor=actor, verb="case.conceal", target=target(case), after={"ended": ended})
        return ended


def _check_in_hand(case: Case, user: User) -> None:
    if not stands(case.state, user.role, is_holder=case.is_held_by(user, timezone.now())):
        raise NotInHand(reference=case.reference)
