"""Making sure that it is still the person who signed in, before what cannot be undone."""

from __future__ import annotations

from typing import Final

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows import reauthentication
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from staff.models import User

MISSING: Final = "Enter your password to confirm that it is you."
WRONG: Final = "The password is wrong."


def is_confirmed(request: HttpRequest) -> bool:
    """Whether the person has confirmed by password or second factor in the last five minutes.

    Signing in does not count. Somebody who signs in elsewhere (single sign-on) and has neither a
    password nor a second factor here has nothing to confirm with, and counts as confirmed.
    """
    return bool(reauthentication.did_recently_reauthenticate(request))


def confirm(request: HttpRequest, password: str) -> str:
    """Confirm by ``password``; "" where that is the person's own, otherwise what is wrong.

    Wrong passwords count like failed sign-ins: after some of them nothing is accepted for a while.
    """
    user = request.user
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
