"""An approved referral on its way: sent, answered, and what became of it.

Each service may be called twice with the same words: a worker that dies after sending calls again.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from moderation.domain.referrals import (
    Destination,
    Outcome,
    ReferralState,
    ReferralVerb,
    find_move,
)
from moderation.errors import IllegalReferralMove, ReferralAnswered
from moderation.models import Case, Referral
from moderation.services.checks import Entered
from moderation.services.moves import target
from staff.capabilities import Capability
from staff.errors import NotAllowed

_RECEIPT_LENGTH = 100


def mark_sent(*, actor: Actor, referral_id: int, destination: str, receipt: str) -> Referral:
    """Record that a referral has reached its destination, which gave it the number ``receipt``.

    ``destination`` is a code of ``Destination``. By the worker that sent it, or by a supervisor
    who handed it over by hand. Saying the same again changes nothing and leaves no entry. Raises
    NotAllowed, IllegalReferralMove, ReferralAnswered (sent before, under another number),
    InvalidDecision or Referral.DoesNotExist.
    """
    entered = Entered()
    destination = entered.code("destination", destination, Destination)
    receipt = entered.text(
        "receipt",
        receipt,
        missing="Write the number that the receiver gave.",
        longest=_RECEIPT_LENGTH,
    )
    return _step(
        actor,
        referral_id,
        ReferralVerb.SEND,
        entered,
        {"destination": destination, "receipt": receipt},
        at="sent_at",
        told=("destination", "receipt"),
    )


def acknowledge(*, actor: Actor, referral_id: int, answer: str = "") -> Referral:
    """Record that the police have acknowledged a referral; ``answer`` holds their words, if any.

    By the worker or a supervisor. A repetition changes nothing. Raises NotAllowed,
    IllegalReferralMove, InvalidDecision or Referral.DoesNotExist.
    """
    return _answered(actor, referral_id, ReferralVerb.ACKNOWLEDGE, answer)


def reject(*, actor: Actor, referral_id: int, answer: str) -> Referral:
    """Record that the police have turned a referral down, and in what words.

    By the worker or a supervisor. A repetition changes nothing. Raises NotAllowed,
    IllegalReferralMove, InvalidDecision (field "answer") or Referral.DoesNotExist.
    """
    return _answered(
        actor,
        referral_id,
        ReferralVerb.REJECT,
        answer,
        missing="Write the reason that the police gave.",
    )


def record_outcome(*, actor: Actor, referral_id: int, outcome: str, note: str) -> Referral:
    """Record what became of an acknowledged referral; a later word of the police replaces it.

    ``outcome`` is a code of ``Outcome``; the trail keeps every one. Raises NotAllowed, Refused,
    InvalidDecision or Referral.DoesNotExist.
    """
    actor.require(Capability.DECIDE_ESCALATIONS)
    entered = Entered()
    outcome = entered.code("outcome", outcome, Outcome)
    note = entered.text("note", note, missing="Say how you know.")
    entered.check()
    with transaction.atomic():
        referral, case = lock_referral(referral_id)
        if referral.state != ReferralState.ACKNOWLEDGED:
            raise IllegalReferralMove(
                reference=case.reference, state=ReferralState(referral.state), verb=None
            )
        before = {"outcome": referral.outcome}
        referral.outcome, referral.outcome_note = outcome, note
        referral.outcome_at = timezone.now()
        referral.save(update_fields=["outcome", "outcome_note", "outcome_at"])
        record(
            actor=actor,
            verb="referral.outcome",
            target=target(case),
            before=before,
            after={"outcome": outcome},
        )
        return referral


def _answered(
    actor: Actor, referral_id: int, verb: ReferralVerb, answer: str, *, missing: str = ""
) -> Referral:
    entered = Entered()
    if answer.strip() or missing:
        answer = entered.text("answer", answer, missing=missing)
    return _step(
        actor, referral_id, verb, entered, {"answer": answer.strip()}, at="answered_at", told=()
    )


def _step(
    actor: Actor,
    referral_id: int,
    verb: ReferralVerb,
    entered: Entered,
    values: dict[str, Any],
    *,
    at: str,
    told: tuple[str, ...],
) -> Referral:
    """Make one move with ``values``; the time goes into the column ``at``, ``told`` into the trail.

    The words of the police stay out of the trail: they may name people.
    """
    _authorise(actor)
    entered.check()
    with transaction.atomic():
        referral, case = lock_referral(referral_id)
        state = ReferralState(referral.state)
        move = find_move(verb, state)
        if move is None:
            if _said_before(referral, verb, values):
                return referral
            if verb is ReferralVerb.SEND and referral.sent_at is not None:
                raise ReferralAnswered(
                    reference=case.reference, receipt=referral.receipt or "", at=referral.sent_at
                )
            raise IllegalReferralMove(reference=case.reference, state=state, verb=verb)
        for name, value in values.items():
            setattr(referral, name, value)
        setattr(referral, at, timezone.now())
        referral.state = move.target
        referral.save(update_fields=["state", at, *values])
        record(
            actor=actor,
            verb=f"referral.{verb}",
            target=target(case),
            before={"state": state},
            after={"state": move.target} | {name: values[name] for name in told},
        )
        return referral


def _said_before(referral: Referral, verb: ReferralVerb, values: dict[str, Any]) -> bool:
    if verb is ReferralVerb.SEND:
        return all(getattr(referral, name) == value for name, value in values.items())
    reached = {
        ReferralVerb.ACKNOWLEDGE: ReferralState.ACKNOWLEDGED,
        ReferralVerb.REJECT: ReferralState.REJECTED,
    }
    return referral.state == reached.get(verb)


def lock_referral(referral_id: int) -> tuple[Referral, Case]:
    """The referral and its case, the case locked first as everywhere."""
    case = Case.objects.select_for_update().get(referral=referral_id)
    return Referral.objects.select_for_update().get(pk=referral_id), case


def _authorise(actor: Actor) -> None:
    """Supervisors, and Sightline's own worker, which sends what they approved."""
    if actor.label != "system:worker" and not actor.can(Capability.DECIDE_ESCALATIONS):
        raise NotAllowed(f"{actor.label} may not record what happens to a referral.")
