"""The append-only trail and its witness. Rows are written only by ``audit.services.record``."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Entry(models.Model):
    """One thing that somebody did, chained to the entry before it.

    ``number`` runs from 1 without gaps. ``actor`` is kept as text, so that an entry stays readable
    when the person has left. ``before``, ``after`` and ``reason`` hold identifiers and numbers,
    never names or birth dates of children or flagged accounts: erasure must not break the chain.
    ``audit.canonical`` says which bytes ``hash`` and ``signature`` cover.
    """

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(
        max_length=300
    )  # "staff:12 Sam Field", "system:worker", "key:3 Platform"
    role = models.CharField(max_length=30)
    verb = models.CharField(max_length=60)
    target = models.CharField(max_length=200)  # "case:SL-2026-000001", "batch:7"
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.TextField(default="")
    request_id = models.CharField(max_length=64, default="")
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    signature = models.BinaryField(max_length=64)

    class Meta:
        ordering: ClassVar[list[str]] = ["-number"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["target", "-number"], name="audit_entry_target"),
            models.Index(fields=["actor", "-number"], name="audit_entry_actor"),
            models.Index(fields=["verb", "-number"], name="audit_entry_verb"),
            models.Index(fields=["at"], name="audit_entry_at"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.verb} {self.target}"


class Head(models.Model):
    """The head of the trail as each entry made it, kept apart from the entries.

    Written in the entry's own transaction, so it never runs ahead. Entries cut off the end leave
    their heads behind; ``signature`` is the entry's, so a head cannot be made up either.
    """

    number = models.BigIntegerField(db_index=True)
    hash = models.BinaryField(max_length=32)
    signature = models.BinaryField(max_length=64)

    def __str__(self) -> str:
        return f"head {self.number}"
