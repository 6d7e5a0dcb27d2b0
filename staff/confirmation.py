"""Making sure that it is still the person who signed in, before what cannot be undone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.authentication import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    get_authentication_records,
)
from allauth.account.internal.flows import reauthentication
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from staff.models import User
from staff.selectors import has_second_factor

MISSING: Final = "Enter your password to confirm that it is you."
WRONG: Final = "The password is wrong."
ELSEWHERE: Final = "Sign in again at your organisation's service to confirm that it is you."
NOTHING: Final = (
    "You have neither a password nor a second factor here, so nothing can confirm that it is you. "
    "Set up a second factor in your preferences, or ask an administrator for a password."
)


@dataclass(frozen=True, slots=True)
class Ways:
    """How a person can confirm. ``single_sign_on``: where to, "" where no service is set."""

    password: bool
    second_factor: bool
    single_sign_on: str

    @property
    def only_single_sign_on(self) -> bool:
        return bool(self.single_sign_on) and not (self.password or self.second_factor)


def ways(request: HttpRequest) -> Ways:
    """How the signed-in person can confirm who they are."""
    user = request.user
    if not isinstance(user, User):
        return Ways(password=False, second_factor=False, single_sign_on="")
    return Ways(
        password=user.has_usable_password(),
        second_factor=has_second_factor(user),
        single_sign_on=_single_sign_on(),
    )


def is_confirmed(request: HttpRequest) -> bool:
    """Whether the person has confirmed in the last five minutes: by password or second factor
    here, or by signing in afresh at the organisation's service. Signing in does not count, nor
    does what was spent on another act.
    """
    user = request.user
    if not isinstance(user, User):
        return False
    records = get_authentication_records(request, user)
    confirmed = [record["at"] for record in records if record.get("reauthenticated")]
    return bool(confirmed) and time.time() - confirmed[-1] < app_settings.REAUTHENTICATION_TIMEOUT


def spend(request: HttpRequest) -> None:
    """Let what was confirmed stand for the act that was just done: the next one asks again."""
    key = AUTHENTICATION_METHODS_SESSION_KEY
    request.session[key] = [
        {name: value for name, value in record.items() if name != "reauthenticated"}
        for record in request.session.get(key, [])
    ]


def confirm(request: HttpRequest, password: str) -> str:
    """Confirm by ``password``; "" where that is the person's own, otherwise what is wrong.

    Wrong passwords count like failed sign-ins: after some of them nothing is accepted for a while.
    """
    user = request.user
    open_ways = ways(request)
    if open_ways.only_single_sign_on:
        return ELSEWHERE
    if not (open_ways.password or open_ways.second_factor):
        return NOTHING
    if not isinstance(user, User) or not password:
        return MISSING
    try:
        right = get_adapter(request).reauthenticate(user, password)
    except ValidationError as limited:
        return " ".join(limited.messages)
    if not right:
        return WRONG
    reauthentication.reauthenticate_by_password(request)
    return ""


def _single_sign_on() -> str:
    """Where to sign in afresh; the address is there only with the settings of a service."""
    try:
        return reverse("single_sign_on_confirm")
    except NoReverseMatch:
        return ""
