from django.conf import settings
from django.db import models
from django.db.models import F, Q

from moderation.domain.referrals import (
    DESTINATION_LABELS,
    OUTCOME_LABELS,
    Destination,
    Outcome,
)


class Referral(models.Model):
    """A case on its way to the police. ``approved_by`` is never ``requested_by``: four eyes.

    ``requested_by`` is the person who escalated; a trigger keeps it equal to the case's. ``state``
    moves as ``moderation.domain.referrals`` lists, each move with its audit entry, which a trigger
    demands. ``receipt`` is the number that the receiver gave; ``answer`` the receiver's words.
    """

    class State(models.TextChoices):
        PREPARING = "preparing", "preparing"
        APPROVED = "approved", "approved"
        SENT = "sent", "sent"
        ACKNOWLEDGED = "acknowledged", "acknowledged"
        REJECTED = "rejected", "rejected"

    case = models.OneToOneField(
        "moderation.Case", on_delete=models.PROTECT, related_name="referral"
    )
    state = models.CharField(max_length=12, choices=State.choices, default=State.APPROVED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    summary = models.TextField()
    approved_at = models.DateTimeField()
    destination = models.CharField(
        max_length=20,
        choices=[(d.value, DESTINATION_LABELS[d]) for d in Destination],
        null=True,
    )
    receipt = models.CharField(max_length=100, null=True)
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)  # acknowledged or rejected
    answer = models.TextField(null=True)
    outcome = models.CharField(
        max_length=20, choices=[(o.value, OUTCOME_LABELS[o]) for o in Outcome], null=True
    )
    outcome_note = models.TextField(null=True)
    outcome_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(approved_by=F("requested_by")), name="moderation_referral_four_eyes"
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["preparing", "approved"],
                    sent_at__isnull=True,
                    destination__isnull=True,
                    receipt__isnull=True,
                )
                | Q(
                    state__in=["sent", "acknowledged", "rejected"],
                    sent_at__isnull=False,
                    destination__isnull=False,
                    receipt__isnull=False,
                ),
                name="moderation_referral_sent_somewhere",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["acknowledged", "rejected"], answered_at__isnull=False)
                | Q(state__in=["preparing", "approved", "sent"], answered_at__isnull=True),
                name="moderation_referral_answered",
            ),
            models.CheckConstraint(
                condition=Q(outcome__isnull=True) | Q(state="acknowledged"),
                name="moderation_referral_outcome",
            ),
        ]

    def __str__(self) -> str:
        return f"referral {self.pk}"


class PoliceHold(models.Model):
    """The police asked for quiet about an account: no alerts about it, and nothing is removed.

    One at a time an account. A row is never removed; lifting it is recorded in it once.
    """

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, related_name="police_holds"
    )
    case = models.ForeignKey(
        "moderation.Case", on_delete=models.PROTECT, related_name="police_holds"
    )
    reason = models.TextField()
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    lifted_at = models.DateTimeField(null=True)
    lift_reason = models.TextField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(lifted_at__isnull=True),
                name="moderation_one_hold",
            ),
            models.CheckConstraint(
                condition=Q(
                    lifted_at__isnull=True, lifted_by__isnull=True, lift_reason__isnull=True
                )
                | Q(lifted_at__isnull=False, lifted_by__isnull=False, lift_reason__isnull=False),
                name="moderation_hold_lifted_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"police hold {self.pk}"
