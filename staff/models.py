"""People who work here: one user, one role."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from staff.capabilities import Capability, Role, role_can


class UserManager(BaseUserManager["User"]):
    """Looks people up by e-mail address; creation goes through ``staff.services.create_staff``."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A member of the child-safety team. ``role`` decides what the person may do."""

    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=20, choices=[(r.value, r.value.title()) for r in Role])
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name", "role"]

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="staff_user_email_unique"),
            models.CheckConstraint(
                condition=models.Q(role__in=[r.value for r in Role]), name="staff_user_role_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def can(self, capability: Capability) -> bool:
        """Whether this person, if active, holds ``capability``."""
        return self.is_active and role_can(self.role, capability)
