from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from moderation.domain.age_checks import ANSWER_LABELS


class AgeCheck(models.Model):
    """A request to the platform to make sure of an account's age, and what came of it.

    The decision that asked set the case aside until ``until``. ``answered_by`` stays empty where
    an import brought the answer. A request that was taken back before it left is ``withdrawn_at``.
    """

    case = models.ForeignKey("moderation.Case", on_delete=models.PROTECT, related_name="age_checks")
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, related_name="age_checks"
    )
    decision = models.OneToOneField(
        "moderation.Decision", on_delete=models.PROTECT, related_name="age_check"
    )
    until = models.DateField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    answer = models.CharField(
        max_length=20,
        choices=[(code.value, label) for code, label in ANSWER_LABELS.items()],
        null=True,
    )
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    answered_at = models.DateTimeField(null=True)
    note = models.TextField(null=True)  # how a person knows the answer

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                name="moderation_one_age_check",
                condition=Q(answered_at__isnull=True, withdrawn_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=Q(
                    answer__isnull=True,
                    answered_by__isnull=True,
                    answered_at__isnull=True,
                    note__isnull=True,
                )
                | Q(answer__isnull=False, answered_at__isnull=False, withdrawn_at__isnull=True),
                name="moderation_age_check_answered",
            ),
        ]

    def __str__(self) -> str:
        return f"age check {self.pk}"
