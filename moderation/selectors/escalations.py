"""What supervisors decide on, and what they have referred."""

from __future__ import annotations

from django.db import models
from django.db.models import (
    BooleanField,
    Exists,
    ExpressionWrapper,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)

from moderation.access import visible_cases
from moderation.domain.referrals import ReferralState
from moderation.domain.transitions import State, Verb
from moderation.models import Case, Decision, Referral
from moderation.selectors.outbox import under_way
from staff.models import User

PAGE_SIZE = 50


def waiting(user: User) -> QuerySet[Case]:
    """Escalated cases, the nearest deadline first, with the moderator's reasoning.

    Each has ``summary`` and ``ask`` of its latest escalation.
    """
    latest = Decision.objects.filter(case=OuterRef("pk"), verb=Verb.ESCALATE).order_by("-pk")
    return (
        visible_cases(user)
        .filter(state=State.ESCALATED)
        .select_related("account", "escalated_by")
        .only(
            "reference", "kind", "state", "severity", "points", "minors", "due_at", "version",
            "escalated_at", "account__account_id", "escalated_by__name", "priority_factors",
            "priority", "headline", "fallen",
        )
        .annotate(
            summary=Subquery(latest.values("note")[:1]),
            ask=Subquery(latest.values("details__ask")[:1]),
        )
        .order_by("due_at", "pk")
    )  # fmt: skip


def referrals(user: User) -> QuerySet[Referral]:
    """Referrals of cases that ``user`` may see: what nobody has sent first, the oldest on top.

    The newest of the others follow. Each has ``to_be_sent``: approved, and on its way nowhere.
    """
    oldest = models.Case(models.When(to_be_sent=True, then="approved_at"))
    return (
        Referral.objects.filter(case__in=visible_cases(user))
        .annotate(to_be_sent=ExpressionWrapper(_nowhere(), output_field=BooleanField()))
        .select_related("case__account", "requested_by", "approved_by")
        .only(
            "state", "summary", "approved_at", "requested_by__name", "approved_by__name",
            "case__reference", "case__severity", "case__minors", "case__account__account_id",
        )
        .order_by("-to_be_sent", oldest, "-approved_at", "-pk")
    )  # fmt: skip


def to_be_sent(user: User) -> QuerySet[Referral]:
    """Those of ``referrals`` that are approved and on their way nowhere, the oldest first."""
    found = Referral.objects.filter(_nowhere(), case__in=visible_cases(user))
    return found.select_related("case").order_by("approved_at", "pk")


def _nowhere() -> Q:
    return Q(state=ReferralState.APPROVED) & Q(~Exists(under_way(OuterRef("pk"))))
