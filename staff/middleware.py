"""Sessions that end, and a second factor where one is required."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseBase
from django.urls import resolve, reverse

from staff import sessions
from staff.models import User
from staff.selectors import has_second_factor
from staff.views.guard import redirect, to_sign_in

Next = Callable[[HttpRequest], HttpResponseBase]

_ENDINGS = {
    "idle": "You were signed out because nothing happened for a while. Sign in to go on.",
    "absolute": "You were signed out because a session lasts no longer. Sign in to go on.",
}

_WITHOUT_SECOND_FACTOR = frozenset(
    {
        "account_logout",
        "account_reauthenticate",
        "account_change_password",
        "mfa_index",
        "mfa_activate_totp",
        "mfa_list_webauthn",
        "mfa_add_webauthn",
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        "single_sign_on_confirm",
        "openid_connect_callback",
        "preferences",
        "healthz",
        "readyz",
    }
)
"""Pages that somebody who must still set up a second factor can reach."""


class SessionEndMiddleware:
    """Signs people out whose session was idle too long or has become too old."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Without the cookie there is no session, and no question to the database.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            ending = sessions.check(request)
            if ending is not None:
                sessions.mark_ending(request, ending)
                logout(request)
                messages.info(request, _ENDINGS[ending])
                return to_sign_in(request)
        return self.get_response(request)


class SecondFactorMiddleware:
    """Where a second factor is required, leads everybody without one to setting it up."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if (
            settings.SECOND_FACTOR_REQUIRED
            and isinstance(request.user, User)
            and not request.path.startswith("/api/")
            and resolve(request.path_info).url_name not in _WITHOUT_SECOND_FACTOR
            and not has_second_factor(request.user)
        ):
            messages.info(request, "Set up a second factor before you go on.")
            return redirect(request, reverse("mfa_index"))
        return self.get_response(request)
