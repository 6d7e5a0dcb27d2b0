from __future__ import annotations

from django.db import models


class SampledCase(models.Model):
    """A case whose account was drawn by chance from below the threshold.

    Kept apart from the case, so that nothing that shows or exports a case can give it away: those
    who decide must not know. Read for figures alone. Written when the case opens, and never again.
    """

    case = models.OneToOneField(
        "moderation.Case", on_delete=models.PROTECT, primary_key=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"sampled case {self.pk}"
