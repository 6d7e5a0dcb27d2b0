from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class Decision(models.Model):
    """What a person decided about a case, with the reason and what was on the screen then.

    ``verb`` is a verb of ``moderation.domain.transitions``; ``reason`` a code where the verb has
    codes. ``case_version`` is the case's version once the decision is taken; ``entry`` the audit
    entry that the same transaction wrote. The database refuses a decided case without its decision
    and a decision without its entry. Never changed afterwards: a reversal is a decision of its own.
    """

    case = models.ForeignKey("moderation.Case", on_delete=models.PROTECT, related_name="decisions")
    case_version = models.PositiveIntegerField()
    verb = models.CharField(max_length=12)
    reason = models.CharField(max_length=30, default="", blank=True)
    note = models.TextField()
    # what else the verb asks for: severity and ask of an escalation, until of monitoring
    details: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    # of a decision that can be taken back: the columns of the case as they were, by name
    restores: models.JSONField[dict[str, Any] | None] = models.JSONField(null=True)
    points = models.FloatField()
    assessment = models.ForeignKey(
        "signals.Assessment", on_delete=models.PROTECT, related_name="decisions"
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions"
    )
    at = models.DateTimeField()
    # Checked by a trigger when written, and not by a foreign key: the trail stands by itself, and
    # its verification must be able to name what is missing there.
    entry = models.ForeignKey(
        "audit.Entry",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "case_version"], name="moderation_decision_unique"
            )
        ]

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
