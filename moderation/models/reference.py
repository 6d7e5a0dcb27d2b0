from __future__ import annotations

from django.db import models


class ReferenceCounter(models.Model):
    """The last number given out in a year: ``SL-2026-000123`` is number 123 of 2026.

    A row, not a sequence: its lock makes the numbers follow each other without gaps, because a
    transaction that fails gives its numbers back.
    """

    year = models.PositiveSmallIntegerField(primary_key=True)
    last = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.year}: {self.last}"
