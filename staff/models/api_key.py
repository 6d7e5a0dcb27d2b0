"""Keys with which a platform's programs come in."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from staff.scopes import SCOPE_MEANINGS, Scope


class ApiKey(models.Model):
    """A key, of which only the SHA-256 is kept. It works until it expires or is revoked."""

    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the key, hexadecimal
    hint = models.CharField(max_length=12)  # the key's first characters, to tell keys apart
    scopes = ArrayField(models.CharField(max_length=20))
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=300)  # an actor's label
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)  # to the minute

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(revoked_at=None),
                name="staff_apikey_name_unique_unrevoked",
            ),
            models.CheckConstraint(
                condition=models.Q(scopes__len__gt=0)
                & models.Q(scopes__contained_by=[s.value for s in Scope]),
                name="staff_apikey_scopes_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_live(self) -> bool:
        """Whether the key still opens anything."""
        return self.revoked_at is None and self.expires_at > timezone.now()

    @property
    def may(self) -> list[str]:
        """What the key may do, in words."""
        return [SCOPE_MEANINGS[Scope(scope)] for scope in self.scopes]

    @property
    def is_authenticated(self) -> bool:
        """REST framework asks this of whoever makes a request."""
        return True
