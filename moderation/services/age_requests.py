"""The request for an age check on its way to the platform: how the outbox carries it."""

from __future__ import annotations

from typing import Any

from audit.actors import Actor
from audit.services import record
from moderation.domain.age_checks import REQUESTED
from moderation.models import Delivery
from moderation.selectors.holds import is_held
from moderation.services import webhooks
from moderation.services.carriers import Arrived, Carrier, Save
from moderation.services.moves import target
from staff.capabilities import Capability


def request_body(delivery: Delivery) -> dict[str, Any]:
    """What the platform is told: which account, by when, and nothing that names the person.

    The same on each attempt. Raises ValueError for a delivery of something else.
    """
    check = delivery.age_check
    if check is None:
        raise ValueError("This delivery asks for no age check.")
    return {
        "type": REQUESTED,
        "timestamp": check.asked_at.isoformat(),
        "data": {
            "age_check": check.pk,
            "account_id": check.account.account_id,
            "answer_by": check.until.isoformat(),
        },
    }


def send(delivery: Delivery, _save: Save) -> Arrived:
    """Carry the request, for ``CARRIER``."""
    webhooks.post(message=delivery.key, body=request_body(delivery))
    return Arrived(destination="platform", receipt="")


def obstacle(delivery: Delivery) -> str:
    """Why the request should not leave any more; "" where it should."""
    check = delivery.age_check
    if check is None or check.withdrawn_at is not None or check.answered_at is not None:
        return "The age check was answered or taken back."
    if is_held(check.account_id):
        return "A police hold stands on the account. Once it is lifted this can be sent again."
    return ""


def arrived(actor: Actor, delivery: Delivery, _arrived: Arrived) -> str:
    """Record that the platform has the request."""
    record(
        actor=actor,
        verb="age_check.send",
        target=target(delivery.case),
        after={"age_check": delivery.age_check_id, "delivery": delivery.pk},
    )
    return ""


CARRIER = Carrier(
    send=send,
    obstacle=obstacle,
    arrived=arrived,
    topic="age_check",
    needs=Capability.REVIEW_CASES,
    most_attempts=webhooks.MOST_ATTEMPTS,
)
