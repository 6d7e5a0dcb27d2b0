from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Exemption(models.Model):
    """An account that a dismissal keeps from being flagged again until a day: who, why, how long.

    A row is never removed. It stops counting on the day ``until`` or when it is revoked, which is
    recorded in it once; a trigger refuses any other change, and one without its dismissal.
    """

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, related_name="exemptions"
    )
    decision = models.OneToOneField(
        "moderation.Decision", on_delete=models.PROTECT, related_name="exemption"
    )
    until = models.DateField()  # counts no more from the beginning of this day, UTC
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    granted_at = models.DateTimeField()
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True)
    revoke_reason = models.TextField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    revoked_at__isnull=True, revoked_by__isnull=True, revoke_reason__isnull=True
                )
                | Q(
                    revoked_at__gte=F("granted_at"),
                    revoked_by__isnull=False,
                    revoke_reason__isnull=False,
                ),
                name="moderation_exemption_revoked_by_somebody",
            )
        ]
        indexes = [
            models.Index(
                fields=["until"],
                name="moderation_exemption_until",
                condition=Q(revoked_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"exemption {self.pk}"
