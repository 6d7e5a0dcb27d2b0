from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class BulkJob(models.Model):
    """One decision for several cases, which a worker takes case by case in a person's name.

    ``words`` is emptied when the job ends: each decision keeps its own. Triggers refuse a job that
    the audit trail does not tell of, and any later change of what was asked for.
    """

    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    verb = models.CharField(max_length=12)  # of ``moderation.domain.bulk.VERBS``
    # what the person entered: note, and reason or until
    words: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"bulk job {self.pk}"


class BulkItem(models.Model):
    """One case of a job: as which version it was reviewed, and what became of it."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "waiting"
        DONE = "done", "done"
        REFUSED = "refused", "left alone"

    job = models.ForeignKey(BulkJob, on_delete=models.PROTECT, related_name="items")
    case = models.ForeignKey("moderation.Case", on_delete=models.PROTECT, related_name="+")
    version = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.WAITING)
    message = models.TextField(default="")  # why it was left alone

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "case"], name="moderation_one_item_a_case")
        ]

    def __str__(self) -> str:
        return f"bulk item {self.pk}"
