from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from moderation.domain.vocabulary import SEVERITY_LABELS, Severity


class DeadlineTerms(models.Model):
    """How long cases may wait and when that time runs, as an admin set it. The newest row counts.

    ``spec`` is what ``moderation.selectors.terms`` reads and writes; rows are never changed.
    """

    spec: models.JSONField[dict[str, Any]] = models.JSONField()
    note = models.TextField()
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"deadline terms {self.pk}"


class Breach(models.Model):
    """A case that was not decided by its deadline: recorded once for each time it began to wait."""

    case = models.ForeignKey("moderation.Case", on_delete=models.PROTECT, related_name="breaches")
    severity = models.CharField(
        max_length=10, choices=[(s.value, SEVERITY_LABELS[s]) for s in Severity]
    )
    state = models.CharField(max_length=12)  # of the case when it was noticed
    waiting_since = models.DateTimeField()
    due_at = models.DateTimeField()
    noticed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "waiting_since"], name="moderation_one_breach_a_wait"
            )
        ]
        indexes = [models.Index(fields=["due_at"], name="moderation_breach_due")]

    def __str__(self) -> str:
        return f"breach {self.pk}"
