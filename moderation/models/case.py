from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from moderation.domain.transitions import LIVE_STATES, State, Verb
from moderation.domain.vocabulary import SEVERITY_LABELS, Severity
from moderation.domain.wording import STATE_WORDS

if TYPE_CHECKING:
    from staff.models import User


class Case(models.Model):
    """A reason for a person to look at one account, and how far the looking has come.

    Written only through ``moderation.services``; triggers that follow
    ``moderation.domain.transitions`` refuse any other move between states.

    ``version`` grows by one with every move and whenever a newer assessment replaces the attached
    one, so a decision that names a version also names what was on the screen.
    ``escalated_by`` is the latest escalator and stays when the case is returned: it is history.
    """

    class Kind(models.TextChoices):
        SUSPICION = "suspicion", "suspicion"
        AGE_CHECK = "age_check", "age check"

    reference = models.CharField(max_length=20, unique=True)  # SL-2026-000001
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="cases")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.SUSPICION)
    state = models.CharField(
        max_length=12,
        choices=[(s.value, STATE_WORDS[s]) for s in State],
        default=State.OPEN.value,
    )
    severity = models.CharField(
        max_length=10, choices=[(s.value, SEVERITY_LABELS[s]) for s in Severity]
    )
    priority = models.FloatField(default=0.0)
    # {"points": 61.2, "youngest": 20, …}: the named factors whose sum is ``priority``
    priority_factors: models.JSONField[dict[str, float]] = models.JSONField(default=dict)
    points = models.FloatField()  # of the latest assessment
    # The score fell below the margin and has not come back (``moderation.domain.current``). Means
    # something while the case is live.
    fallen = models.BooleanField(default=False, db_default=False)
    # sentences of the strongest contributions, for the queue row
    headline: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    minors = models.PositiveIntegerField(default=0)
    assessment = models.ForeignKey(
        "signals.Assessment", on_delete=models.PROTECT, related_name="cases"
    )
    version = models.PositiveIntegerField(default=1)
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
    # The present deadline runs from here: opening, return, resumption, reopening or escalation.
    waiting_since = models.DateTimeField()
    due_at = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)
    # When retention or an erasure took names, texts and explanations out of it.
    personal_data_removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                name="moderation_one_live_case",
                condition=Q(state__in=sorted(state.value for state in LIVE_STATES)),
            ),
            models.CheckConstraint(
                condition=(
                    Q(
                        state=State.IN_REVIEW.value,
                        holder__isnull=False,
                        lease_expires_at__isnull=False,
                    )
                    | (
                        ~Q(state=State.IN_REVIEW.value)
                        & Q(holder__isnull=True, lease_expires_at__isnull=True)
                    )
                ),
                name="moderation_review_has_holder",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[State.ESCALATED.value, State.REFERRED.value])
                | Q(escalated_by__isnull=False),
                name="moderation_escalated_by_somebody",
            ),
            models.CheckConstraint(
                condition=(Q(state=State.REFERRED.value) & Q(referred_by__isnull=False))
                | (~Q(state=State.REFERRED.value) & Q(referred_by__isnull=True)),
                name="moderation_referred_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(referred_by__isnull=True) | ~Q(referred_by=F("escalated_by")),
                name="moderation_four_eyes",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.MONITORING.value) | Q(monitor_until__isnull=False),
                name="moderation_monitoring_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(reference__regex=r"^SL-[0-9]{4}-[0-9]{6,}$"),
                name="moderation_reference_form",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-priority", "id"], name="moderation_case_queue"),
            models.Index(
                fields=["lease_expires_at"],
                name="moderation_case_lease",
                condition=Q(state=State.IN_REVIEW.value),
            ),
            models.Index(
                fields=["state", "-priority", "id"],
                name="moderation_case_fallen",
                condition=Q(fallen=True),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def is_held_by(self, user: User, now: datetime) -> bool:
        """Whether ``user`` holds the case under a lease that has not lapsed at ``now``."""
        return (
            self.holder_id == user.pk
            and self.lease_expires_at is not None
            and self.lease_expires_at > now
        )

    def was_escalated_by(self, user: User) -> bool:
        """Whether ``user`` has ever escalated this case, also before a return or a reopening."""
        return self.escalated_by_id == user.pk or (
            self.decisions.filter(verb=Verb.ESCALATE, by=user).exists()
        )
