from typing import Final

from django.db import models

PERSONAL_DATA: Final = ("account_id", "display_name", "birth_date", "birth_year", "gender")
"""Fields that say who a person is: shown behind a recorded reason only, erased on request."""


class Account(models.Model):
    """An account on the platform.

    ``provisional`` marks an account that a tie or an event names but that no accounts file has
    brought yet: whatever names it waits, counted as unresolved, and takes part once it arrives.
    ``batch`` is the import that last changed the row.
    """

    class AgeBand(models.TextChoices):
        UNDER_13 = "under_13", "under 13"
        FROM_13 = "13_15", "13–15"
        FROM_16 = "16_17", "16–17"
        ADULT = "18_plus", "18 or over"
        UNKNOWN = "unknown", "age unknown"

    class AgeSource(models.TextChoices):
        SELF_DECLARED = "self_declared", "self-declared"
        ESTIMATED = "estimated", "estimated"
        VERIFIED = "verified", "verified"

    class Status(models.TextChoices):
        ACTIVE = "active", "active"
        SUSPENDED = "suspended", "suspended"
        DELETED = "deleted", "deleted"

    account_id = models.CharField(max_length=255, db_collation="C")
    provisional = models.BooleanField(default=False, db_default=False)
    display_name = models.CharField(max_length=255, default="", db_default="", blank=True)
    birth_date = models.DateField(null=True)
    birth_year = models.SmallIntegerField(null=True)
    age_band = models.CharField(
        max_length=10, choices=AgeBand.choices, default="", db_default="", blank=True
    )
    age_source = models.CharField(
        max_length=15,
        choices=AgeSource.choices,
        default=AgeSource.SELF_DECLARED,
        db_default=AgeSource.SELF_DECLARED,
    )
    gender = models.CharField(max_length=40, default="", db_default="", blank=True)
    region = models.CharField(max_length=40, default="", db_default="", blank=True)
    community = models.CharField(max_length=255, default="", db_default="", blank=True)
    role = models.CharField(max_length=20, default="", db_default="", blank=True)
    created_at = models.DateTimeField(null=True)
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.ACTIVE, db_default=Status.ACTIVE
    )
    batch = models.ForeignKey(
        "accounts.ImportBatch", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )

    class Meta:
        constraints = [
            # Not unique=True, which on PostgreSQL brings a second index for LIKE along.
            models.UniqueConstraint(fields=["account_id"], name="accounts_account_id_unique"),
        ]
        indexes = [
            models.Index(
                fields=["id"], name="accounts_provisional", condition=models.Q(provisional=True)
            ),
        ]

    def __str__(self) -> str:
        return f"account {self.pk}"
