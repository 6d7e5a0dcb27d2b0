from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from moderation.domain.transitions import LIVE_STATES, State
from moderation.domain.vocabulary import SEVERITY_LABELS, Severity


class Case(models.Model):
    """A reason for a person to look at one account, and how far the looking has come.

    Written only through ``moderation.services``; a trigger generated from
    ``moderation.domain.transitions`` refuses any other move between states.
    """

    class Kind(models.TextChoices):
        SUSPICION = "suspicion", "suspicion"
        AGE_CHECK = "age_check", "age check"

    reference = models.CharField(max_length=20, unique=True)  # SL-2026-000001
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="cases")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.SUSPICION)
    state = models.CharField(
        max_length=12, choices=[(s.value, s.value) for s in State], default=State.OPEN
    )
    severity = models.CharField(
        max_length=10, choices=[(s.value, SEVERITY_LABELS[s]) for s in Severity]
    )
    priority = models.FloatField(default=0.0)
    # {"points": 61.2, "youngest": 20, …}: the named factors whose sum is ``priority``
    priority_factors: models.JSONField[dict[str, float]] = models.JSONField(default=dict)
    points = models.FloatField()  # of the latest assessment
    # sentences of the strongest contributions, for the queue row
    headline: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    minors = models.PositiveIntegerField(default=0)
    assessment = models.ForeignKey(
        "signals.Assessment", on_delete=models.PROTECT, related_name="cases"
    )
    version = models.PositiveIntegerField(default=1)  # grows with each change; decisions check it
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="held_cases"
    )
    lease_expires_at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True)
    escalated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    escalated_at = models.DateTimeField(null=True)
    referred_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    monitor_until = models.DateField(null=True)
    points_when_decided = models.FloatField(null=True)  # reopening needs 40 points of new evidence
    decided_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                name="moderation_one_live_case",
                condition=Q(state__in=sorted(LIVE_STATES)),
            ),
            models.CheckConstraint(
                condition=(
                    Q(state=State.IN_REVIEW, holder__isnull=False, lease_expires_at__isnull=False)
                    | (
                        ~Q(state=State.IN_REVIEW)
                        & Q(holder__isnull=True, lease_expires_at__isnull=True)
                    )
                ),
                name="moderation_review_has_holder",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[State.ESCALATED, State.REFERRED])
                | Q(escalated_by__isnull=False),
                name="moderation_escalated_by_somebody",
            ),
            models.CheckConstraint(
                condition=(Q(state=State.REFERRED) & Q(referred_by__isnull=False))
                | (~Q(state=State.REFERRED) & Q(referred_by__isnull=True)),
                name="moderation_referred_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(referred_by__isnull=True) | ~Q(referred_by=F("escalated_by")),
                name="moderation_four_eyes",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.MONITORING) | Q(monitor_until__isnull=False),
                name="moderation_monitoring_has_an_end",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-priority", "id"], name="moderation_case_queue"),
            models.Index(fields=["holder"], name="moderation_case_holder"),
            models.Index(
                fields=["lease_expires_at"],
                name="moderation_case_lease",
                condition=Q(state=State.IN_REVIEW),
            ),
        ]

    def __str__(self) -> str:
        return self.reference
