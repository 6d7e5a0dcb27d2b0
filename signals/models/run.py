from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class Run(models.Model):
    """One computation over the graph. Readers use the run that reached state ``done`` last.

    A prompt run (``base`` is set) computed only the accounts that an import touched, against the
    comparison values of the complete run ``base``; its values lie over those of the latest
    complete run as long as it read the graph later than that one.
    """

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
        THRESHOLDS = "thresholds", "after a threshold change"
        NIGHTLY = "nightly", "nightly"
        PROMPT = "prompt", "promptly after an event"

    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    trigger = models.CharField(max_length=12, choices=Trigger.choices)
    as_of = models.DateTimeField(null=True)  # null: everything imported
    base = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="prompts")
    read_at = models.DateTimeField(null=True)  # when the graph was read: what came later is not in
    instant = models.DateTimeField(null=True)  # ``as_of``, else just after the last event read
    full = models.BooleanField(default=False)  # computed even where nothing is new
    thresholds = models.ForeignKey(
        "signals.ThresholdSet", on_delete=models.PROTECT, null=True, related_name="runs"
    )
    engine = models.CharField(max_length=10, default="duckdb")
    stage = models.CharField(max_length=40, default="", blank=True)
    progress = models.FloatField(default=0.0)  # 0 to 1 over all stages
    accounts = models.BigIntegerField(default=0)  # looked at: every resolved account is a candidate
    assessed = models.BigIntegerField(default=0)  # enough evidence for one indicator at least
    contacts = models.BigIntegerField(default=0)  # first contacts, whatever the ages
    flagged = models.BigIntegerField(default=0)
    cases_opened = models.BigIntegerField(default=0)
    cases_updated = models.BigIntegerField(default=0)
    indicator_keys: models.JSONField[list[str]] = models.JSONField(default=list)
    figures: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    # what the values rest on (``signals.basis``): equal basis, equal values
    basis: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    seconds: models.JSONField[dict[str, float]] = models.JSONField(default=dict)
    error = models.TextField(default="", blank=True)
    # counts the times that somebody began; who finds another number has been replaced
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
        constraints = [
            models.UniqueConstraint(
                fields=["state"],
                name="signals_one_run_at_a_time",
                condition=models.Q(state="running"),
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["queued", "running"], finished_at__isnull=True)
                | models.Q(state__in=["done", "failed", "cancelled"], finished_at__isnull=False),
                name="signals_run_ended_has_an_end",
            ),
        ]
        indexes = [
            models.Index(
                fields=["-finished_at"], name="signals_run_done", condition=models.Q(state="done")
            ),
            models.Index(
                fields=["read_at"],
                name="signals_run_prompt",
                condition=models.Q(base__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def order(self) -> int:
        """Grows with what a run can know: by when it read the graph, then by number."""
        moment = self.read_at or self.created_at
        return (int(moment.timestamp() * 1_000_000) << 40) + self.pk
