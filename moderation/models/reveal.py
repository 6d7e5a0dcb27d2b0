from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from moderation.domain.reveals import REVEAL_LABELS, RevealReason

if TYPE_CHECKING:
    from datetime import datetime


class Reveal(models.Model):
    """That one person saw the names of one case's children, why, and until when.

    ``note`` may hold what somebody wrote, so it stays out of the audit trail; ``reason`` is in it.
    Never changed afterwards, except that ``ends_at`` may come earlier: the database refuses the
    rest, and a row without its audit entry.
    """

    case = models.ForeignKey("moderation.Case", on_delete=models.PROTECT, related_name="reveals")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reveals"
    )
    reason = models.CharField(
        max_length=20, choices=[(r.value, REVEAL_LABELS[r]) for r in RevealReason]
    )
    note = models.TextField(default="", blank=True)
    at = models.DateTimeField()
    ends_at = models.DateTimeField()
    entry = models.ForeignKey(
        "audit.Entry",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )

    class Meta:
        indexes = [models.Index(fields=["by", "at"], name="moderation_reveal_by")]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gte=F("at")), name="moderation_reveal_ends_after"
            ),
        ]

    def __str__(self) -> str:
        return f"reveal {self.pk}"

    def is_live(self, now: datetime) -> bool:
        """Whether the names may still be seen at ``now``."""
        return now < self.ends_at
