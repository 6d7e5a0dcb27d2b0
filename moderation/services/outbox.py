"""What leaves the house: asked for by a person, tried by workers, given up on in plain sight.

A delivery is one row. A worker takes it for some minutes under a token of its own; whoever finds
another token there has lost it and writes nothing more. Permission and state are checked again
just before anything is sent.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from functools import partial
from random import SystemRandom
from typing import Any

from celery import current_app
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from moderation.domain import backoff
from moderation.domain.referrals import ReferralState
from moderation.models import Delivery, Referral
from moderation.services import referrals
from moderation.services.carriers import Arrived, GiveUp, Lost, Send, TryAgain, carrier
from moderation.services.moves import background, person, target
from staff.capabilities import Capability
from staff.errors import Refused

HELD = timedelta(minutes=5)
"""How long a worker may be silent before another one takes its delivery over."""

_chance = SystemRandom()


def ask(*, actor: Actor, referral_id: int, kind: str, destination: str) -> Delivery:
    """Ask for an approved referral to be delivered; asking twice is asking once.

    ``destination`` tells two hosts of one kind apart. Raises NotAllowed, Refused (not approved,
    sent already or given up on) or Referral.DoesNotExist.
    """
    actor.require(Capability.DECIDE_ESCALATIONS)
    user = person(actor)
    with transaction.atomic():
        referral, case = referrals.lock_referral(referral_id)
        key = f"{kind}:{destination}:{case.reference}"
        known = Delivery.objects.filter(key=key).first()
        if known is not None and known.state == Delivery.State.DEAD:
            raise Refused("It was given up on. Look in the outbox why, and try it again there.")
        if known is not None:
            return known
        if referral.state != ReferralState.APPROVED:
            raise Refused(
                f"The referral of {case.reference} is {referral.get_state_display()}; it can be "
                "sent once it is approved, and once only."
            )
        ended = (Delivery.State.DONE, Delivery.State.DEAD)
        under_way = Delivery.objects.filter(referral=referral).exclude(state__in=ended).first()
        if under_way is not None:
            raise Refused(
                f"The referral of {case.reference} is on its way to "
                f"{under_way.get_kind_display()} already."
            )
        now = timezone.now()
        delivery = Delivery.objects.create(
            key=key,
            kind=kind,
            referral=referral,
            payload={"destination": destination},
            next_attempt_at=now,
            asked_by=user,
            asked_at=now,
        )
        record(
            actor=actor,
            verb="referral.ask",
            target=target(case),
            after={"delivery": delivery.pk, "destination": destination},
        )
        _enqueue(delivery.pk)
        return delivery


def retry(*, actor: Actor, delivery_id: int) -> Delivery:
    """Let a delivery be tried again at once, in the name of whoever asks now.

    Raises NotAllowed, Refused (it has arrived or is being sent) or Delivery.DoesNotExist.
    """
    actor.require(Capability.DECIDE_ESCALATIONS)
    user = person(actor)
    with transaction.atomic():
        delivery = Delivery.objects.select_for_update().get(pk=delivery_id)
        if delivery.state not in (Delivery.State.DEAD, Delivery.State.WAITING):
            raise Refused(f"This delivery is {delivery.get_state_display()}: nothing to repeat.")
        delivery.state = Delivery.State.WAITING
        delivery.attempts = 0
        delivery.next_attempt_at = timezone.now()
        delivery.asked_by = user
        delivery.save(update_fields=["state", "attempts", "next_attempt_at", "asked_by"])
        record(
            actor=actor,
            verb="referral.retry",
            target=target(delivery.referral.case),
            after={"delivery": delivery.pk},
        )
        _enqueue(delivery.pk)
        return delivery


def deliver(*, actor: Actor, delivery_id: int) -> Delivery | None:
    """Try one delivery that is due, once. None where it is not due, or somebody else has it.

    Only Sightline's worker does this. Raises NotAllowed.
    """
    background(actor)
    delivery = _take(delivery_id)
    if delivery is None:
        return None
    try:
        _attempt(actor, delivery)
    except Lost:
        return None
    return Delivery.objects.get(pk=delivery_id)


def deliver_due(*, actor: Actor) -> int:
    """Try every delivery that is due, also those whose worker died; how many were tried.

    Only Sightline itself does this, every 30 seconds. Raises NotAllowed.
    """
    background(actor)
    due = list(_due(timezone.now()).order_by("next_attempt_at").values_list("pk", flat=True)[:50])
    return sum(deliver(actor=actor, delivery_id=pk) is not None for pk in due)


def _attempt(actor: Actor, delivery: Delivery) -> None:
    """Send, and write down how it ended. Raises Lost."""
    try:
        _check_again(delivery)
        arrived = _carrier(delivery)(delivery, partial(_save, delivery))
        _arrived(actor, delivery, arrived)
    except TryAgain as why:
        _again(actor, delivery, str(why))
    except GiveUp as why:
        _dead(actor, delivery, str(why))


def _due(now: datetime) -> Any:
    return Delivery.objects.filter(
        Q(state=Delivery.State.WAITING, next_attempt_at__lte=now)
        | Q(state=Delivery.State.SENDING, taken_until__lte=now)
    )


def _take(delivery_id: int) -> Delivery | None:
    with transaction.atomic():
        now = timezone.now()
        due = _due(now).select_for_update(skip_locked=True)
        delivery: Delivery | None = due.filter(pk=delivery_id).first()
        if delivery is None:
            return None
        if delivery.state == Delivery.State.SENDING:
            delivery.last_error = "A worker ended in the middle of sending."
        delivery.state = Delivery.State.SENDING
        delivery.token = uuid.uuid4()
        delivery.taken_until = now + HELD
        delivery.attempts += 1
        delivery.last_attempt_at = now
        delivery.save(
            update_fields=[
                "state", "token", "taken_until", "attempts", "last_attempt_at", "last_error"
            ]
        )  # fmt: skip
        return delivery


def _check_again(delivery: Delivery) -> None:
    """Whether it may still be sent, as things are now. Raises GiveUp."""
    if delivery.attempts > backoff.MOST_ATTEMPTS:
        raise GiveUp("Workers kept ending in the middle of sending this; see their logs.")
    asker = delivery.asked_by
    if not asker.can(Capability.DECIDE_ESCALATIONS):
        raise GiveUp(
            f"{asker.name}, who asked for this, may no longer send referrals. Somebody who may has "
            "to ask again."
        )
    state = Referral.objects.values_list("state", flat=True).get(pk=delivery.referral_id)
    if state != ReferralState.APPROVED:
        raise GiveUp("The referral is not approved any longer, or was sent on another way.")


def _carrier(delivery: Delivery) -> Send:
    found = carrier(delivery.kind)
    if found is None:
        raise GiveUp("Nothing here can send to this destination.")
    return found


def _held(delivery: Delivery) -> Any:
    """The row, as long as it is still this worker's."""
    return Delivery.objects.filter(pk=delivery.pk, token=delivery.token)


def _save(delivery: Delivery, progress: dict[str, Any]) -> None:
    kept = _held(delivery).update(progress=progress, taken_until=timezone.now() + HELD)
    if not kept:
        raise Lost


def _end(delivery: Delivery, **columns: Any) -> None:
    """Give the row back with ``columns``. Raises Lost."""
    if not _held(delivery).update(token=None, taken_until=None, **columns):
        raise Lost


def _arrived(actor: Actor, delivery: Delivery, arrived: Arrived) -> None:
    with transaction.atomic():
        referrals.lock_referral(delivery.referral_id)
        remark = _told(actor, delivery, arrived)
        _end(
            delivery,
            state=Delivery.State.DONE,
            receipt=arrived.receipt,
            last_error=remark,
            finished_at=timezone.now(),
        )


def _told(actor: Actor, delivery: Delivery, arrived: Arrived) -> str:
    """Let the referral know that it was sent; a remark where that does not fit any more."""
    if not arrived.destination:
        record(
            actor=actor,
            verb="referral.rehearse",
            target=target(delivery.referral.case),
            after={"delivery": delivery.pk, "receipt": arrived.receipt},
        )
        return ""
    try:
        referrals.mark_sent(
            actor=actor,
            referral_id=delivery.referral_id,
            destination=arrived.destination,
            receipt=arrived.receipt,
        )
    except Refused as refusal:
        return f"It has arrived, although somebody recorded it otherwise. {refusal.message}"[:500]
    return ""


def _again(actor: Actor, delivery: Delivery, why: str) -> None:
    if delivery.attempts >= backoff.MOST_ATTEMPTS:
        _dead(actor, delivery, f"{why} Tried {delivery.attempts} times.")
        return
    pause = backoff.wait(delivery.attempts, _chance)
    _end(
        delivery,
        state=Delivery.State.WAITING,
        last_error=why[:500],
        next_attempt_at=timezone.now() + pause,
    )


def _dead(actor: Actor, delivery: Delivery, why: str) -> None:
    with transaction.atomic():
        _end(delivery, state=Delivery.State.DEAD, last_error=why[:500])
        record(
            actor=actor,
            verb="referral.undelivered",
            target=target(delivery.referral.case),
            after={"delivery": delivery.pk, "attempts": delivery.attempts},
        )


def _enqueue(delivery_id: int) -> None:
    """Ask a worker once this commits; a sweep finds the row where that message is lost."""
    transaction.on_commit(
        lambda: current_app.send_task("moderation.deliver", [delivery_id]), robust=True
    )
