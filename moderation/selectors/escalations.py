"""What supervisors decide on, and what they have referred."""

from __future__ import annotations

from django.db.models import OuterRef, QuerySet, Subquery

from moderation.access import visible_cases
from moderation.domain.transitions import State, Verb
from moderation.models import Case, Decision, Referral
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
        )
        .annotate(
            summary=Subquery(latest.values("note")[:1]),
            ask=Subquery(latest.values("details__ask")[:1]),
        )
        .order_by("due_at", "pk")
    )  # fmt: skip


def referrals(user: User) -> QuerySet[Referral]:
    """Referrals of cases that ``user`` may see, the newest first."""
    return (
        Referral.objects.filter(case__in=visible_cases(user))
        .select_related("case__account", "requested_by", "approved_by")
        .only(
            "state", "summary", "approved_at", "requested_by__name", "approved_by__name",
            "case__reference", "case__severity", "case__minors", "case__account__account_id",
        )
        .order_by("-approved_at", "-pk")
    )  # fmt: skip
