from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class ThresholdSet(models.Model):
    """One version of everything that decides what is flagged (``signals.spec`` gives the content).

    A version is never edited: a change is a new version. It starts as a draft; another admin than
    its author makes it active, which retires the one before. Version 1 holds the defaults and has
    no author. Triggers refuse every other way, also to plain SQL, and a step that the audit trail
    does not tell of.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "waiting for a second admin"
        ACTIVE = "active", "active"
        RETIRED = "retired", "retired"
        WITHDRAWN = "withdrawn", "withdrawn"

    version = models.PositiveIntegerField(unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    spec: models.JSONField[dict[str, Any]] = models.JSONField()
    note = models.TextField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    activated_at = models.DateTimeField(null=True)
    # the active version that the draft was written against; null for version 1
    based_on = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="+", to_field="version"
    )
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"],
                name="signals_one_active_threshold_set",
                condition=models.Q(state="active"),
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True)
                | models.Q(created_by__isnull=True)
                | ~models.Q(approved_by=models.F("created_by")),
                name="signals_threshold_four_eyes",
            ),
            models.CheckConstraint(
                condition=models.Q(created_by__isnull=False) | models.Q(version=1),
                name="signals_threshold_has_an_author",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["draft", "withdrawn"], activated_at__isnull=True)
                | (
                    models.Q(state__in=["active", "retired"], activated_at__isnull=False)
                    & (models.Q(approved_by__isnull=False) | models.Q(version=1))
                ),
                name="signals_threshold_approved_to_be_active",
            ),
        ]

    def __str__(self) -> str:
        return f"thresholds {self.version}"
