"""The first page: each role's own."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from staff.capabilities import Role
from staff.views.guard import actor_of, signed_in

HOMES: Final[dict[str, str]] = {
    Role.MODERATOR: "queue",
    Role.SUPERVISOR: "escalations",
    Role.ADMIN: "runs",
    Role.AUDITOR: "audit",
}
"""The name of the page that each role works from."""


@signed_in
def home(request: HttpRequest) -> HttpResponseBase:
    return HttpResponseRedirect(reverse(HOMES[actor_of(request).role]))
