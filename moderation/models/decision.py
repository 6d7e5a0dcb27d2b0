from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class Decision(models.Model):
    """What a person decided about a case, with the reason and what was on the screen then.

    ``verb`` is a verb of ``moderation.domain.transitions``; ``reason`` a code where the verb has
    codes. Never changed afterwards: a reversal is a decision of its own.
    """

    case = models.ForeignKey("moderation.Case", on_delete=models.PROTECT, related_name="decisions")
    verb = models.CharField(max_length=12)
    reason = models.CharField(max_length=30, default="", blank=True)
    note = models.TextField()
    # escalate: {"severity", "ask"}; monitor: {"until"}; return: {"question"}
    details: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    points = models.FloatField()
    assessment = models.ForeignKey(
        "signals.Assessment", on_delete=models.PROTECT, related_name="+"
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions"
    )
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.verb} {self.case_id}"


class Note(models.Model):
    """A remark that a member of staff left on a case."""

    case = models.ForeignKey("moderation.Case", on_delete=models.PROTECT, related_name="notes")
    text = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"note {self.pk}"
