"""How allauth behaves here: nobody signs up, passwords change through the service, plain words."""

from __future__ import annotations

import base64
from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from staff.actors import Actor
from staff.models import User
from staff.services import change_own_password

_PURPOSE: Final = "staff.adapters.second_factor"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": "This person no longer has access.",
        "email_password_mismatch": "The e-mail address or the password is wrong.",
        "enter_current_password": "That is not your current password.",
        "incorrect_code": "That code is wrong or has expired.",
        "incorrect_password": "The password is wrong.",
        "invalid_login": "The e-mail address or the password is wrong.",
        "too_many_login_attempts": "Too many attempts. Wait five minutes, then try again.",
        "rate_limited": "Too many attempts. Wait a few minutes, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Admins add people; nobody adds himself."""
        return False

    def set_password(self, user: User, password: str) -> None:
        """Change one's own password, in one transaction with its audit entry."""
        # The form's own object carries on with the new hash, so that its session goes on too.
        user.password = change_own_password(actor=Actor.of_user(user), password=password).password

    def reauthenticate(self, user: User, password: str) -> bool:
        """Whether ``password`` is the signed-in person's own; limited like signing in."""
        # allauth would look the address up in its own table, which is not used here.
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return "/preferences/"

    def get_user_search_fields(self) -> list[str]:
        return ["email"]


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "cannot_delete_authenticator": "Your second factor cannot be removed.",
        "cannot_generate_recovery_codes": (
            "Set up an authenticator app or a security key before you make recovery codes."
        ),
        "incorrect_code": "That code is wrong or has expired.",
    }

    def encrypt(self, text: str) -> str:
        """Secrets of second factors are kept encrypted: a copy of the database opens nothing."""
        return _box().encrypt(text.encode()).decode("ascii")

    def decrypt(self, encrypted_text: str) -> str:
        """Raises ``InvalidToken`` when the secret key has changed and the old one was not kept."""
        return _box().decrypt(encrypted_text).decode()

    def build_totp_svg(self, url: str) -> str:
        """The QR code as an ``<svg>`` element: the page's policy allows no ``data:`` pictures."""
        svg: str = super().build_totp_svg(url)
        return svg[svg.index("<svg") :]

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002 - allauth's name
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return "Security key" if count == 0 else f"Security key {count + 1}"

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, Any]:
        entity: dict[str, Any] = super().get_public_key_credential_user_entity(user)
        return {**entity, "display_name": user.name}


def _box() -> MultiFernet:
    """Encrypts with a key drawn from the secret key; reads what earlier secret keys encrypted."""
    return MultiFernet(
        [
            Fernet(
                base64.urlsafe_b64encode(
                    salted_hmac(_PURPOSE, "", secret, algorithm="sha256").digest()
                )
            )
            for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        ]
    )
