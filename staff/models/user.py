"""People who work here: one user, one role."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from staff.capabilities import Capability, Role, role_can


class Theme(models.TextChoices):
    SYSTEM = "system", "As the device is set"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class Density(models.TextChoices):
    COMFORTABLE = "comfortable", "Comfortable"
    COMPACT = "compact", "Compact"


class UserManager(BaseUserManager["User"]):
    """Looks people up by e-mail address; creation goes through ``staff.services.create_staff``."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A member of the child-safety team. ``role`` decides what the person may do."""

    email = models.EmailField(max_length=254, unique=True)  # always in lower case
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=20, choices=[(r.value, r.value.title()) for r in Role])
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    # Preferences, kept on the server so that they follow the person to any device.
    keyboard_shortcuts = models.BooleanField(default=True)
    theme = models.CharField(max_length=10, choices=Theme, default=Theme.SYSTEM)
    density = models.CharField(max_length=12, choices=Density, default=Density.COMFORTABLE)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name", "role"]

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="staff_user_email_lower"
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=[r.value for r in Role]), name="staff_user_role_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def can(self, capability: Capability) -> bool:
        """Whether this person, if active, holds ``capability``."""
        return self.is_active and role_can(self.role, capability)
