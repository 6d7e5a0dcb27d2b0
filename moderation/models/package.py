from __future__ import annotations

from django.db import models


class SealedPackage(models.Model):
    """The package of an approved referral, as it was when it was sealed: what is sent is this.

    The bytes stay as they are, or are emptied when their retention ends (``erased_at``); hash and
    size stay for good. The database refuses every other change.
    """

    referral = models.OneToOneField(
        "moderation.Referral", on_delete=models.PROTECT, related_name="package"
    )
    data = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()  # bytes
    sealed_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"package {self.pk}"
