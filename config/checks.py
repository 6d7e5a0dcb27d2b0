"""System checks of how Sightline is set up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks


def register() -> None:
    checks.register(separate_roles)


def separate_roles(
    app_configs: Sequence[AppConfig] | None, **_kwargs: Any
) -> list[checks.CheckMessage]:
    """Warn when the application could alter its own audit trail."""
    if settings.DATABASE_APP_ROLE != settings.DATABASE_OWNER_ROLE:
        return []
    return [
        checks.Warning(
            "The application connects to PostgreSQL as the role that owns its tables, so only "
            "triggers keep it from changing written audit rows.",
            hint="Set DATABASE_OWNER_URL to the owner's address and DATABASE_URL to that of a "
            "second role, then run `manage.py migrate`.",
            id="sightline.W001",
        )
    ]
