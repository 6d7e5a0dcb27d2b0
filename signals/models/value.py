from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Score(models.Model):
    """What one run found for one assessed account.

    ``llr``, ``k`` and ``n`` follow ``Run.indicator_keys``; null means not enough evidence.
    ``points``: 20 points double the odds. Rows arrive by COPY, so keys are not checked by the
    database. Only the latest complete runs are kept.
    """

    run = models.ForeignKey(
        "signals.Run", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    points = models.FloatField()
    rank = models.PositiveIntegerField()  # 1 = most points; equal points, equal rank
    flagged = models.BooleanField()
    groups = models.PositiveSmallIntegerField()  # groups of indicators that speak for a look
    minors = models.PositiveIntegerField()  # distinct children contacted
    stretch = models.CharField(
        max_length=10
    )  # "90d", "365d" or "all": the one that gave the points
    points_without_private_fast = models.FloatField()  # hours of the day are easily misread
    age_check = models.BooleanField()  # the recorded age should be checked, first or beside a case
    recorded_minor = models.BooleanField()
    exempt = models.BooleanField()
    ring = models.BigIntegerField(null=True)  # one number: accounts that approach the same children
    llr = ArrayField(models.FloatField(null=True))
    k = ArrayField(models.FloatField(null=True))
    n = ArrayField(models.FloatField(null=True))

    class Meta:
        indexes = [
            models.Index(fields=["run", "rank"], name="signals_score_rank"),
        ]

    def __str__(self) -> str:
        return f"score {self.pk}"


class Assessment(models.Model):
    """What a run said about an account that it flagged or that has a case: the explanation kept.

    ``contributions`` is the ordered list that the case page shows, one object a sentence:
    ``{"indicator", "name", "group", "direction": "raises"|"lowers"|"neutral"|"not_assessed",
    "points", "llr", "k", "n", "expected", "range": [low, high], "stretch", "sentence", "reason",
    "rows", "details"}`` (``signals.engine.result.Contribution``). ``summary`` holds what else the
    run found: ``{"rank", "points_without_private_fast", "age_check", "recorded_minor", "exempt",
    "linked": [{"account", "shared", "p"}]}``, ``linked`` being accounts (database ids) that
    approach the same children. Once a newer run has taken its place and no case points at it, its
    evidence rows go; the assessment itself stays while its account has a case.
    """

    run = models.ForeignKey("signals.Run", on_delete=models.PROTECT, related_name="assessments")
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, related_name="assessments"
    )
    points = models.FloatField()
    flagged = models.BooleanField()
    groups = models.PositiveSmallIntegerField()
    minors = models.PositiveIntegerField()
    stretch = models.CharField(max_length=10)
    contributions: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    summary: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "account"], name="signals_assessment_unique")
        ]

    def __str__(self) -> str:
        return f"assessment {self.pk}"


class EvidenceRow(models.Model):
    """One contact, outcome or safety event behind a contribution of an assessment."""

    assessment = models.ForeignKey(
        Assessment, on_delete=models.CASCADE, related_name="evidence", db_index=False
    )
    indicator = models.CharField(max_length=20)
    event = models.ForeignKey(
        "accounts.Event",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )
    target = models.ForeignKey(
        "accounts.Account",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )
    at = models.DateTimeField(null=True)
    counted = models.BooleanField()  # whether the row is one of the k of the sentence
    # mutual friends at the contact, of these not self-made, ties of both sides, outcome …
    facts: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)

    class Meta:
        ordering = ["at", "id"]
        indexes = [
            models.Index(fields=["assessment", "indicator", "at"], name="signals_evidence_rows")
        ]

    def __str__(self) -> str:
        return f"evidence {self.pk}"
