from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class ImportBatch(models.Model):
    """One delivery of rows: a file, a folder, an upload or an API call, and how far it has come."""

    class State(models.TextChoices):
        QUEUED = "queued", "waiting"
        RUNNING = "running", "importing"
        DONE = "done", "imported"
        PARTIAL = "partial", "imported, some rows rejected"
        FAILED = "failed", "nothing imported"
        INTERRUPTED = "interrupted", "interrupted"

    class Origin(models.TextChoices):
        COMMAND = "command", "command line"
        UPLOAD = "upload", "uploaded"
        API = "api", "sent by the platform"

    OVER = (State.DONE, State.PARTIAL, State.FAILED)

    source = models.CharField(max_length=120, default="", blank=True)
    origin = models.CharField(max_length=10, choices=Origin.choices)
    format = models.CharField(max_length=20, default="auto")
    path = models.CharField(max_length=1000, default="", blank=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    # One object a file, as ``accounts.imports.progress.FileProgress``: where to go on after a
    # crash, written with each chunk of rows.
    files: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    accepted_accounts = models.BigIntegerField(default=0)
    accepted_ties = models.BigIntegerField(default=0)
    accepted_events = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    rejects_file = models.CharField(max_length=1000, default="", blank=True)
    # {"accounts": n, "ties": n, "events": n} of the whole graph when this import ended
    unresolved: models.JSONField[dict[str, int]] = models.JSONField(default=dict)
    notices: models.JSONField[list[str]] = models.JSONField(default=list)
    error = models.TextField(default="", blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # When a worker was last asked for it; null where a command imports by itself.
    queued_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"import {self.pk}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in self.OVER

    @property
    def accepted(self) -> int:
        return self.accepted_accounts + self.accepted_ties + self.accepted_events


class RejectedRow(models.Model):
    """The first rejected rows of a batch, for its page; the rejects file holds all of them."""

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rejected_rows")
    file = models.CharField(max_length=255)
    line = models.BigIntegerField()
    field = models.CharField(max_length=60)
    value = models.CharField(max_length=300)
    reason = models.CharField(max_length=500)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.file} line {self.line}"
