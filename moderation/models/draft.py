from __future__ import annotations

from django.conf import settings
from django.db import models


class Draft(models.Model):
    """What a person has entered in one form of a case and not decided yet. Nobody else reads it.

    It goes when the person decides on the case, or when nothing was added for a month.
    """

    case = models.ForeignKey("moderation.Case", on_delete=models.CASCADE, related_name="drafts")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    form = models.CharField(max_length=20)  # a key of ``moderation.domain.drafts.FIELDS``
    words: models.JSONField[dict[str, str]] = models.JSONField(default=dict)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "by", "form"], name="moderation_one_draft")
        ]
        indexes = [models.Index(fields=["updated_at"], name="moderation_draft_age")]

    def __str__(self) -> str:
        return f"draft {self.pk}"
