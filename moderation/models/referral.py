from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Referral(models.Model):
    """A case on its way to the police. ``approved_by`` is never ``requested_by``: four eyes.

    ``requested_by`` is the person who escalated; a trigger keeps it equal to the case's.
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

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(approved_by=F("requested_by")), name="moderation_referral_four_eyes"
            )
        ]

    def __str__(self) -> str:
        return f"referral {self.pk}"
