from django.conf import settings
from django.db import models
from django.db.models import Q

from moderation.domain.second_look import AGREEMENT_LABELS


class SecondLook(models.Model):
    """A decision that another person decides again without knowing it.

    ``by`` is who was asked last; the answer is given once and changes nothing about the case. A
    trigger refuses an answer by the person who decided.
    """

    decision = models.OneToOneField(
        "moderation.Decision", on_delete=models.PROTECT, related_name="second_look"
    )
    chosen_at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    started_at = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True)
    verb = models.CharField(max_length=12, null=True)
    reason = models.CharField(max_length=30, null=True)
    note = models.TextField(null=True)
    agreement = models.CharField(
        max_length=12,
        choices=[(a.value, label) for a, label in AGREEMENT_LABELS.items()],
        null=True,
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(by__isnull=True, started_at__isnull=True)
                | Q(by__isnull=False, started_at__isnull=False),
                name="moderation_second_look_started",
            ),
            models.CheckConstraint(
                condition=Q(looked_at__isnull=True, verb__isnull=True, agreement__isnull=True)
                | Q(
                    looked_at__isnull=False,
                    verb__isnull=False,
                    agreement__isnull=False,
                    by__isnull=False,
                ),
                name="moderation_second_look_answered",
            ),
        ]
        indexes = [
            models.Index(
                fields=["chosen_at"],
                name="moderation_second_look_open",
                condition=Q(looked_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"second look {self.pk}"
