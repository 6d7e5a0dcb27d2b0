"""What the pages of this floor show."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.db.models import Exists, F, OuterRef, QuerySet

from staff.models import ApiKey, User


def everybody() -> QuerySet[User]:
    """All people, those with access first, by name; with ``has_second_factor``."""
    factors = Authenticator.objects.filter(
        user=OuterRef("pk"), type__in=(Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    )
    return User.objects.annotate(has_second_factor=Exists(factors)).order_by(
        "-is_active", "name", "pk"
    )


def has_second_factor(user: User) -> bool:
    """Whether the person has an authenticator app or a security key. Recovery codes are none."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return bool(Authenticator.objects.filter(user=user, type__in=kinds).exists())


def all_keys() -> QuerySet[ApiKey]:
    """All keys, those that are not revoked first, the newest first."""
    return ApiKey.objects.order_by(F("revoked_at").desc(nulls_first=True), "-created_at", "-pk")
