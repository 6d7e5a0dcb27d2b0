from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from moderation.domain.vocabulary import SEVERITY_LABELS


class Shift(models.Model):
    """One person's stretch of work. Begins with its first case; seen by nobody else."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="shifts"
    )
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    further = models.PositiveSmallIntegerField(default=0)  # times that the person chose to go on

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(ended_at=None), name="moderation_one_shift_at_a_time"
            )
        ]
        indexes = [models.Index(fields=["user", "-began_at"], name="moderation_shift_latest")]

    def __str__(self) -> str:
        return f"shift {self.pk}"


class Exposure(models.Model):
    """A case that somebody took, or names that somebody saw, in a shift."""

    class Sort(models.TextChoices):
        CASE = "case", "case taken"
        REVEAL = "reveal", "names seen"

    shift = models.ForeignKey(Shift, on_delete=models.CASCADE, related_name="exposures")
    case = models.ForeignKey("moderation.Case", on_delete=models.CASCADE, related_name="+")
    sort = models.CharField(max_length=6, choices=Sort)
    severity = models.CharField(
        max_length=10, choices=[(s.value, label) for s, label in SEVERITY_LABELS.items()]
    )
    at = models.DateTimeField()
    skipped = models.BooleanField(default=False)  # left to others: not offered again in the shift

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shift", "case"],
                condition=Q(sort="case"),
                name="moderation_exposure_once_a_case",
            )
        ]

    def __str__(self) -> str:
        return f"{self.sort} {self.case_id}"


class CareChoice(models.Model):
    """What a person leaves to others, as codes of ``moderation.domain.care.Category``."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="care_choice"
    )
    left_out: models.Field[Any, list[str]] = ArrayField(
        models.CharField(max_length=12), default=list
    )

    def __str__(self) -> str:
        return f"choice of {self.user_id}"


class CareTerms(models.Model):
    """The limits of a shift and whom to talk to, as an admin set them. The latest row counts."""

    cases = models.PositiveSmallIntegerField()
    critical = models.PositiveSmallIntegerField()
    reveals = models.PositiveSmallIntegerField()
    contacts = models.TextField(default="", blank=True)
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(cases__gte=1, critical__gte=1, reveals__gte=1),
                name="moderation_care_limits_above_zero",
            )
        ]

    def __str__(self) -> str:
        return f"care terms {self.pk}"
