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
from moderation.errors import IllegalReferralMove, OnItsWay, ReferralAnswered
from moderation.models import Case, Delivery, Referral
from moderation.services.checks import Entered
from moderation.services.moves import target
from staff.capabilities import Capability
from staff.errors import NotAllowed, Refused

_RECEIPT_LENGTH = 100
_WORKER = "system:worker"


def mark_sent(*, actor: Actor, referral_id: int, destination: str, receipt: str) -> Referral:
    """Record that a referral has reached its destination, which gave it the number ``receipt``.

    ``destination`` is a code of ``Destination``. By the worker that sent it, or by a supervisor
    who handed it over by hand. Saying the same again changes nothing and leaves no entry. Raises
    NotAllowed, IllegalReferralMove, ReferralAnswered (sent before, under another number), OnItsWay
    (by hand, while a delivery may still arrive), InvalidDecision or Referral.DoesNotExist.
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


def stop_sending(*, actor: Actor, referral_id: int) -> Referral:
    """Give up the deliveries of a referral that wait, so that it can go another way.

    In the outbox they can be asked for again. Raises NotAllowed, OnItsWay (it is being sent at this
    moment), Refused (nothing waits) or Referral.DoesNotExist.
    """
    actor.require(Capability.DECIDE_ESCALATIONS)
    with transaction.atomic():
        referral, case = lock_referral(referral_id)
        found = _under_way(referral)
        if not found:
            raise Refused(f"The referral of {case.reference} is not on its way anywhere.")
        for delivery in found:
            if delivery.state == Delivery.State.SENDING:
                raise _on_its_way(delivery, case)
            delivery.state = Delivery.State.DEAD
            delivery.last_error = f"A supervisor stopped it. {delivery.last_error}".strip()[:500]
            delivery.save(update_fields=["state", "last_error"])
        record(
            actor=actor,
            verb="referral.stop",
            target=target(case),
            after={"deliveries": [delivery.pk for delivery in found]},
        )
        return referral


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
        by_hand = verb is ReferralVerb.SEND and actor.label != _WORKER
        if by_hand and (found := _under_way(referral)):
            raise _on_its_way(found[0], case)
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


def _under_way(referral: Referral) -> list[Delivery]:
    """What may still reach its receiver; no worker takes one before this transaction ends."""
    # Locked whatever their state: one that was given up on may just be asked for again.
    rows = Delivery.objects.select_for_update().filter(referral=referral).order_by("pk")
    return [row for row in list(rows) if row.is_under_way]


def _on_its_way(delivery: Delivery, case: Case) -> OnItsWay:
    return OnItsWay(
        reference=case.reference,
        to=delivery.get_kind_display(),
        waits=delivery.state == Delivery.State.WAITING,
    )


def _authorise(actor: Actor) -> None:
    """Supervisors, and Sightline's own worker, which sends what they approved."""
    if actor.label != _WORKER and not actor.can(Capability.DECIDE_ESCALATIONS):
        raise NotAllowed(f"{actor.label} may not record what happens to a referral.")
