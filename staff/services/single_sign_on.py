"""Which identifier of the organisation's sign-in service stands for which member of staff."""

from __future__ import annotations

from allauth.socialaccount.models import SocialLogin
from django.db import transaction
from django.http import HttpRequest

from staff import trail
from staff.actors import Actor
from staff.models import User
from staff.services.people import target_of


@transaction.atomic
def link_sign_on(*, actor: Actor, user: User, request: HttpRequest, login: SocialLogin) -> None:
    """Let whoever the service calls ``login`` sign in as ``user`` from now on."""
    login.connect(request, user)
    trail.record(actor=actor, verb="staff.link_sign_on", target=target_of(user))
