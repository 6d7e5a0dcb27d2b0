from __future__ import annotations

from django.db import models


class Pseudonym(models.Model):
    """How a case calls somebody around its account, for good: Child A stays Child A.

    Written once, when the case first needs it; the database refuses changes. ``kind`` is what the
    person was when the name was given, so that a corrected age changes the band and not the name.
    The account is no checked key, so that a pseudonym never stands in the way of an erasure.
    """

    class Kind(models.TextChoices):
        CHILD = "child", "child"
        ADULT = "adult", "adult"
        UNKNOWN = "unknown", "age not known"

    case = models.ForeignKey(
        "moderation.Case", on_delete=models.PROTECT, related_name="pseudonyms", db_index=False
    )
    account = models.ForeignKey(
        "accounts.Account",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    kind = models.CharField(max_length=7, choices=Kind.choices)
    mark = models.CharField(max_length=10)  # A, B … for children, 1, 2 … for others

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "account"], name="moderation_one_pseudonym"),
            models.UniqueConstraint(
                fields=["case", "kind", "mark"], name="moderation_pseudonym_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.mark}"
