from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class Run(models.Model):
    """One computation over the graph. Readers use the latest run in state ``done``."""

    class State(models.TextChoices):
        QUEUED = "queued", "waiting"
        RUNNING = "running", "running"
        DONE = "done", "complete"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    class Trigger(models.TextChoices):
        COMMAND = "command", "command line"
        PERSON = "person", "started by a person"
        IMPORT = "import", "after an import"
        NIGHTLY = "nightly", "nightly"

    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    trigger = models.CharField(max_length=10, choices=Trigger.choices)
    as_of = models.DateTimeField(null=True)  # null: everything imported
    thresholds = models.ForeignKey(
        "signals.ThresholdSet", on_delete=models.PROTECT, null=True, related_name="runs"
    )
    engine = models.CharField(max_length=10, default="duckdb")
    stage = models.CharField(max_length=40, default="", blank=True)
    progress = models.FloatField(default=0.0)  # 0 to 1 over all stages
    accounts = models.BigIntegerField(default=0)
    contacts = models.BigIntegerField(default=0)
    flagged = models.BigIntegerField(default=0)
    cases_opened = models.BigIntegerField(default=0)
    cases_updated = models.BigIntegerField(default=0)
    indicator_keys: models.JSONField[list[str]] = models.JSONField(default=list)
    figures: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    seconds: models.JSONField[dict[str, float]] = models.JSONField(default=dict)
    error = models.TextField(default="", blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["-id"], name="signals_run_done", condition=models.Q(state="done"))
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"
