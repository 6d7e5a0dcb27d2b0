"""What leaves the house, as pages show it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, IntegerField, OuterRef, Q, QuerySet, Value, When

from moderation.access import visible_cases
from moderation.domain.referrals import Destination, ReferralState
from moderation.models import Delivery, Referral, SealedPackage
from moderation.package.archive import unpack
from staff.models import User

State = Delivery.State

_NEEDS_A_PERSON = Q(state=State.DEAD) & (
    Q(referral__state=ReferralState.APPROVED)
    | Q(age_check__isnull=False, age_check__answered_at=None, age_check__withdrawn_at=None)
)

TAKEN_WITHIN = timedelta(minutes=2)
"""A delivery whose time has come is taken by a worker within it, unless something is wrong."""

SEALED_WITHIN = timedelta(minutes=5)
"""The package of an approved referral is sealed within a minute, unless something is wrong."""


def deliveries(user: User) -> QuerySet[Delivery]:
    """All deliveries of cases that ``user`` may see: what needs a person first, then the newest."""
    order = Case(
        When(_NEEDS_A_PERSON, then=Value(0)),
        When(state__in=Delivery.ON_ITS_WAY, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    seen = visible_cases(user)
    return (
        Delivery.objects.filter(Q(referral__case__in=seen) | Q(age_check__case__in=seen))
        .select_related("referral__case", "age_check__case", "asked_by")
        .order_by(order, "-asked_at", "-pk")
    )


def under_way(referral: Referral | OuterRef) -> QuerySet[Delivery]:
    """Deliveries of a referral of which ``Delivery.is_under_way`` is true."""
    on_its_way = Delivery.objects.filter(referral=referral, state__in=Delivery.ON_ITS_WAY)
    return on_its_way.exclude(payload__destination=Destination.NCMEC_TEST)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """How many deliveries were given up on and are still wanted: referrals, and age checks."""

    referrals: int
    age_checks: int

    @property
    def together(self) -> int:
        """Both."""
        return self.referrals + self.age_checks


def given_up(user: User) -> GivenUp:
    """What waits for a person. What went another way since, or was taken back, does not."""
    found = deliveries(user).filter(_NEEDS_A_PERSON)
    of_referrals = found.exclude(referral=None).count()
    return GivenUp(of_referrals, found.filter(referral=None).count())


def stuck(user: User, now: datetime) -> int:
    """How many deliveries should have been taken by a worker some minutes before ``now``.

    The worker looks every 30 seconds, so none runs, or it has too much to do.
    """
    since = now - TAKEN_WITHIN
    overdue = Q(state=State.WAITING, next_attempt_at__lte=since)
    return deliveries(user).filter(overdue | Q(state=State.SENDING, taken_until__lte=since)).count()


def seal_is_late(referral: Referral, now: datetime) -> bool:
    """Whether the package should have been sealed by ``now`` and is not."""
    due = referral.approved_at + SEALED_WITHIN <= now
    return due and not SealedPackage.objects.filter(referral=referral).exists()


def is_erased(referral: Referral) -> bool:
    """Whether the package was sealed once and its retention has ended."""
    return SealedPackage.objects.filter(referral=referral, erased_at__isnull=False).exists()


def sealed_evidence(referral: Referral) -> dict[str, Any] | None:
    """``evidence.json`` of the sealed package; None while there is none, or none any more."""
    kept = SealedPackage.objects.filter(referral=referral, erased_at=None).first()
    if kept is None:
        return None
    found: dict[str, Any] = json.loads(unpack(bytes(kept.data)).files["evidence.json"])
    return found
