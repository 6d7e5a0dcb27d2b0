"""Signing in at the organisation's own service (OpenID Connect), and confirming there again.

Nobody is made a member of staff by it: it lets those in whom an admin has added, by their e-mail
address the first time and by the service's own identifier from then on.
"""

from __future__ import annotations

import time
from typing import Any, Final, NoReturn

from allauth.account.internal.flows.login import record_authentication
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from staff.actors import Actor
from staff.models import User
from staff.services import link_sign_on, record_failed_sign_in

PROVIDER: Final = "sso"
"""What addresses and the settings call the one service."""

ASKED: Final = "single_sign_on_asked"
"""In the session: when the person was sent off to sign in again."""

_LEEWAY: Final = 60
"""Seconds by which the service's clock may be behind ours."""

STRANGER: Final = (
    "Nobody here has the e-mail address that your sign-in service gave. An administrator of "
    "Sightline can add you."
)
UNVERIFIED: Final = (
    "Your sign-in service does not say that your e-mail address is verified, so it opens nothing "
    "here."
)
FAILED: Final = "Signing in at your organisation's service did not work. Try again."
OTHER_PERSON: Final = (
    "That was not the person who is signed in here. Sign out, and in again at your organisation's "
    "service."
)
NOT_FRESH: Final = (
    "Your sign-in service did not ask you to sign in again, so it confirms nothing. Ask its "
    "administrators to honour prompt=login and to send auth_time."
)


def is_offered() -> bool:
    """Whether the settings name a service."""
    return bool(settings.OIDC_CLIENT_ID)


class SingleSignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Admins add people; nobody adds himself."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Confirm the person who is signed in, or find out who signs in."""
        if sociallogin.state.get("process") == AuthProcess.REDIRECT:
            _confirm(request, sociallogin)
        elif not sociallogin.is_existing:
            _link(request, sociallogin)

    def on_authentication_error(self, request: HttpRequest, provider: Any, **_details: Any) -> None:
        """A sentence instead of allauth's page, whatever the service answered."""
        _refuse(request, FAILED)


def _link(request: HttpRequest, sociallogin: SocialLogin) -> None:
    """Let the service's identifier stand for a member of staff from now on."""
    claims = _claims(sociallogin)
    email = str(claims.get("email") or "").strip()
    if email and claims.get("email_verified") is not True:
        _fail(request, email, UNVERIFIED)
    user = User.objects.filter(email__iexact=email, is_active=True).first() if email else None
    if user is None:
        _fail(request, email, STRANGER)
    link_sign_on(actor=Actor.of_user(user), user=user, request=request, login=sociallogin)


def _confirm(request: HttpRequest, sociallogin: SocialLogin) -> None:
    """Count as confirmed whoever has signed in again just now, as the person who is here."""
    asked = request.session.pop(ASKED, None)
    user = request.user
    if asked is None or not isinstance(user, User) or sociallogin.user != user:
        _refuse(request, OTHER_PERSON)
    signed_in_at = sociallogin.account.extra_data.get("id_token", {}).get("auth_time")
    if not isinstance(signed_in_at, int | float) or signed_in_at < asked - _LEEWAY:
        _refuse(request, NOT_FRESH)
    record_authentication(
        request, user, method="socialaccount", reauthenticated=True, provider=PROVIDER
    )


def note_asked(request: HttpRequest) -> None:
    """Remember that the person is sent off to sign in again now."""
    request.session[ASKED] = int(time.time())


def _claims(sociallogin: SocialLogin) -> dict[str, Any]:
    told: dict[str, Any] = sociallogin.account.extra_data
    return {**told.get("id_token", {}), **told.get("userinfo", {})}


def _fail(request: HttpRequest, email: str, why: str) -> NoReturn:
    record_failed_sign_in(actor=Actor.system("web"), email=email, step="single_sign_on")
    _refuse(request, why)


def _refuse(request: HttpRequest, why: str) -> NoReturn:
    messages.error(request, why)
    home = "home" if request.user.is_authenticated else "account_login"
    raise ImmediateHttpResponse(HttpResponseRedirect(reverse(home)))
