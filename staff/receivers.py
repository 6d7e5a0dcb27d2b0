"""Turns what Django and allauth announce about signing in into audit entries."""

from __future__ import annotations

from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.mfa import signals as mfa_signals
from allauth.mfa.models import Authenticator
from django.contrib.auth import signals as auth_signals
from django.db.models import Model
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest

from staff import sessions
from staff.actors import Actor
from staff.models import User
from staff.services import (
    record_factor_added,
    record_factor_removed,
    record_failed_sign_in,
    record_session_end,
    record_sign_in,
    record_sign_out,
)


def connect() -> None:
    """Called once, when Django has loaded the apps."""
    auth_signals.user_logged_in.connect(signed_in, dispatch_uid="staff.signed_in")
    auth_signals.user_login_failed.connect(failed, dispatch_uid="staff.failed")
    auth_signals.user_logged_out.connect(signed_out, dispatch_uid="staff.signed_out")
    mfa_signals.authentication_failed.connect(factor_failed, dispatch_uid="staff.factor_failed")
    post_save.connect(factor_saved, sender=Authenticator, dispatch_uid="staff.factor_saved")
    post_delete.connect(factor_gone, sender=Authenticator, dispatch_uid="staff.factor_gone")


def signed_in(*, request: HttpRequest, user: User, **_: Any) -> None:
    sessions.begin(request)
    records = get_authentication_records(request, user)
    methods = [record.get("type") or record["method"] for record in records]
    record_sign_in(actor=Actor.of_user(user), user=user, methods=methods)


def failed(*, credentials: dict[str, Any], **_: Any) -> None:
    email = str(credentials.get("email") or credentials.get("username") or "")
    record_failed_sign_in(actor=Actor.system("web"), email=email, step="password")


def factor_failed(*, user: User, authenticator: Authenticator, **_: Any) -> None:
    record_failed_sign_in(actor=Actor.system("web"), email=user.email, step=str(authenticator.type))


def signed_out(*, request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is None:
        return
    ending = sessions.ending_of(request)
    if ending is None:
        record_sign_out(actor=Actor.of_user(user), user=user)
    else:
        record_session_end(actor=Actor.of_user(user), user=user, ending=ending)


def factor_saved(*, instance: Authenticator, created: bool, **_: Any) -> None:
    if created:
        record_factor_added(
            actor=_actor(instance.user), user=instance.user, kind=str(instance.type)
        )


def factor_gone(*, instance: Authenticator, origin: object, **_: Any) -> None:
    # Whole sets go only inside a service, which records them, or when new recovery codes replace
    # the old ones, which is recorded as their addition.
    if isinstance(origin, Model):
        record_factor_removed(
            actor=_actor(instance.user), user=instance.user, kind=str(instance.type)
        )


def _actor(owner: User) -> Actor:
    """The signed-in person of the current request; the factor's owner while signing in."""
    request = context.request
    user = getattr(request, "user", None)
    return Actor.of_user(user if isinstance(user, User) else owner)
