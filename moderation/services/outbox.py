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
from django.db.models import Q, QuerySet
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from moderation.domain import backoff
from moderation.domain.referrals import ReferralState
from moderation.models import AgeCheck, Case, Decision, Delivery, Referral
from moderation.selectors.outbox import under_way
from moderation.services import mishaps, referrals
from moderation.services.carriers import Arrived, Carrier, GiveUp, Lost, TryAgain, carrier
from moderation.services.moves import background, lock, person, target
from staff.capabilities import Capability
from staff.errors import Refused
from staff.models import User

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
        on_its_way = under_way(referral).first()
        if on_its_way is not None:
            raise Refused(
                f"The referral of {case.reference} is on its way to "
                f"{on_its_way.get_kind_display()} already."
            )
        delivery = queue(
            key=key,
            kind=kind,
            payload={"destination": destination},
            leaves_at=timezone.now(),
            asked_by=user,
            referral=referral,
        )
        record(
            actor=actor,
            verb="referral.ask",
            target=target(case),
            after={"delivery": delivery.pk, "destination": destination},
        )
        return delivery


def queue(
    *,
    key: str,
    kind: str,
    payload: dict[str, Any],
    leaves_at: datetime,
    asked_by: User,
    referral: Referral | None = None,
    age_check: AgeCheck | None = None,
    decision: Decision | None = None,
) -> Delivery:
    """Put something into the outbox that leaves at ``leaves_at`` or soon after.

    In the transaction of the service that asks, which authorises and leaves the entry.
    """
    now = timezone.now()
    delivery = Delivery.objects.create(
        key=key,
        kind=kind,
        referral=referral,
        age_check=age_check,
        decision=decision,
        payload=payload,
        next_attempt_at=leaves_at,
        asked_by=asked_by,
        asked_at=now,
    )
    if leaves_at <= now:
        _enqueue(delivery.pk)
    return delivery


def withdraw(decision: Decision) -> None:
    """Take back what ``decision`` asked for and nobody is sending."""
    idle = (Delivery.State.WAITING, Delivery.State.DEAD)
    waiting = Delivery.objects.filter(decision=decision, state__in=idle)
    waiting.update(state=Delivery.State.WITHDRAWN)


def recall(_case: Case, decision: Decision) -> str:
    """Withdraw what ``decision`` asked for; a sentence where any of it left, or may have.

    For ``departures.provide_recall``. A delivery that was tried counts as one that may have left:
    the receiver can have got it and the answer been lost.
    """
    # All rows are locked before any is looked at: a worker may just be taking one.
    asked = Delivery.objects.select_for_update().filter(decision=decision).order_by("pk")
    for delivery in (row for row in list(asked) if row.last_attempt_at is not None):
        at = f"{timezone.localtime(delivery.finished_at or delivery.last_attempt_at):%H:%M}"
        if delivery.state == Delivery.State.DONE:
            return f"What it asked for went to {delivery.get_kind_display()} at {at}."
        return f"Sending what it asked for was tried at {at}: it may have arrived."
    withdraw(decision)
    return ""


def retry(*, actor: Actor, delivery_id: int) -> Delivery:
    """Let a delivery be tried again at once, in the name of whoever asks now.

    Raises NotAllowed, Refused (it has arrived, is being sent, or waits until it can no longer be
    taken back) or Delivery.DoesNotExist.
    """
    actor.require(Capability.DECIDE_ESCALATIONS)
    user = person(actor)
    with transaction.atomic():
        delivery = Delivery.objects.select_for_update().get(pk=delivery_id)
        if delivery.state not in (Delivery.State.DEAD, Delivery.State.WAITING):
            raise Refused(f"This delivery is {delivery.get_state_display()}: nothing to repeat.")
        now = timezone.now()
        if not delivery.attempts and delivery.next_attempt_at > now:
            leaves = f"{timezone.localtime(delivery.next_attempt_at):%H:%M}"
            raise Refused(f"It leaves at {leaves}; until then what asked for it can be taken back.")
        delivery.state = Delivery.State.WAITING
        delivery.attempts = 0
        delivery.next_attempt_at = now
        delivery.asked_by = user
        delivery.save(update_fields=["state", "attempts", "next_attempt_at", "asked_by"])
        record(
            actor=actor,
            verb=f"{carrier(delivery.kind).topic}.retry",
            target=target(delivery.case),
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
        by = carrier(delivery.kind)
        _check_again(delivery, by)
        _arrived(actor, delivery, by, by.send(delivery, partial(_save, delivery)))
    except TryAgain as why:
        _again(actor, delivery, str(why))
    except GiveUp as why:
        _dead(actor, delivery, str(why))
    except Lost:
        raise
    except Exception as error:  # noqa: BLE001 - seen at once, and no other delivery waits for it
        kind = mishaps.note(f"Sending delivery {delivery.pk}", error)
        _again(actor, delivery, f"Something unexpected went wrong ({kind}); see the worker's log.")


def _due(now: datetime) -> QuerySet[Delivery]:
    """What may be taken: its time has come, or its worker has been silent for too long.

    So may what was tried later than now: the clock was set back since, and what it had said then
    would keep the row for as long as that was. Clocks of two machines differ by less than ``HELD``.
    """
    waiting, sending = Delivery.State.WAITING, Delivery.State.SENDING
    return Delivery.objects.filter(
        Q(state=waiting, next_attempt_at__lte=now)
        | Q(state=sending, taken_until__lte=now)
        | Q(state__in=(waiting, sending), last_attempt_at__gt=now + HELD)
    )


def _take(delivery_id: int) -> Delivery | None:
    with transaction.atomic():
        now = timezone.now()
        due = _due(now).select_for_update(skip_locked=True)
        delivery = due.filter(pk=delivery_id).first()
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


def _check_again(delivery: Delivery, by: Carrier) -> None:
    """Whether it may still be sent, as things are now. Raises GiveUp."""
    if delivery.attempts > by.most_attempts:
        raise GiveUp("Workers kept ending in the middle of sending this; see their logs.")
    asker = delivery.asked_by
    if not asker.can(by.needs):
        raise GiveUp(
            f"{asker.name}, who asked for this, may no longer do so. Somebody who may has to ask "
            "again."
        )
    if why := by.obstacle(delivery):
        raise GiveUp(why)


def _held(delivery: Delivery) -> QuerySet[Delivery]:
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


def _arrived(actor: Actor, delivery: Delivery, by: Carrier, arrived: Arrived) -> None:
    with transaction.atomic():
        lock(delivery.case.pk)
        remark = by.arrived(actor, delivery, arrived)
        _end(
            delivery,
            state=Delivery.State.DONE,
            receipt=arrived.receipt,
            last_error=remark[:500],
            finished_at=timezone.now(),
        )


def _again(actor: Actor, delivery: Delivery, why: str) -> None:
    if delivery.attempts >= carrier(delivery.kind).most_attempts:
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
            verb=f"{carrier(delivery.kind).topic}.undelivered",
            target=target(delivery.case),
            after={"delivery": delivery.pk, "attempts": delivery.attempts},
        )


def _enqueue(delivery_id: int) -> None:
    """Ask a worker once this commits; a sweep finds the row where that message is lost."""
    transaction.on_commit(
        lambda: current_app.send_task("moderation.deliver", [delivery_id]), robust=True
    )
