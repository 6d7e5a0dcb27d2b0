"""Who asks."""

from __future__ import annotations

from django.http import HttpRequest

from audit.actors import Actor
from staff.models import User


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person as an actor. Only behind ``staff.views.require``."""
    user = request.user
    if not isinstance(user, User):
        raise TypeError("This view is not behind the guard.")
    return Actor.of_user(user)
