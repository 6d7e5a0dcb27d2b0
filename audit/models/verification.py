"""What the verifications of the trail found."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Verification(models.Model):
    """One finished verification. Append-only like the trail itself."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(auto_now_add=True)
    entries = models.BigIntegerField()
    ok = models.BooleanField()
    head = models.CharField(max_length=64, blank=True)  # hexadecimal; empty without entries
    first_bad = models.BigIntegerField(null=True)
    problem = models.TextField(blank=True)
    requested_by = models.CharField(max_length=300)  # an actor's label

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(ok=True, first_bad=None, problem="")
                | (models.Q(ok=False) & ~models.Q(problem="")),
                name="audit_verification_says_what_is_wrong",
            ),
        ]

    def __str__(self) -> str:
        return f"verification {self.pk}"
