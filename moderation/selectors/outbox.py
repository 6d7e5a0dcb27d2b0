"""What leaves the house, as pages show it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from moderation.access import visible_cases
from moderation.models import Delivery, Referral, SealedPackage
from moderation.package.archive import unpack
from staff.models import User

State = Delivery.State

SEALED_WITHIN = timedelta(minutes=5)
"""The package of an approved referral is sealed within a minute, unless something is wrong."""


def deliveries(user: User) -> QuerySet[Delivery]:
    """All deliveries of cases that ``user`` may see: what needs a person first, then the newest."""
    order = Case(
        When(state=State.DEAD, then=Value(0)),
        When(state__in=(State.WAITING, State.SENDING), then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    seen = visible_cases(user)
    return (
        Delivery.objects.filter(Q(referral__case__in=seen) | Q(age_check__case__in=seen))
        .select_related("referral__case", "age_check__case", "asked_by")
        .order_by(order, "-asked_at", "-pk")
    )


def needing_a_person(user: User) -> int:
    """How many deliveries were given up on."""
    return deliveries(user).filter(state=State.DEAD).count()


def seal_is_late(referral: Referral, now: datetime) -> bool:
    """Whether the package should have been sealed by ``now`` and is not."""
    due = referral.approved_at + SEALED_WITHIN <= now
    return due and not SealedPackage.objects.filter(referral=referral).exists()


def sealed_evidence(referral: Referral) -> dict[str, Any] | None:
    """``evidence.json`` of the sealed package; None while there is none, or none any more."""
    kept = SealedPackage.objects.filter(referral=referral, erased_at=None).first()
    if kept is None:
        return None
    found: dict[str, Any] = json.loads(unpack(bytes(kept.data)).files["evidence.json"])
    return found
