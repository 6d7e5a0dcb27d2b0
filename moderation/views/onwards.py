"""Going on to the next case, unless the shift has held enough."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from moderation.errors import ShiftFull
from moderation.selectors import care
from moderation.services import claims
from moderation.views.answers import actor, case_url, go_to, person


def to_pause(request: HttpRequest, said: str = "") -> HttpResponse:
    """To the page that offers a break, with what was done before."""
    if said:
        messages.success(request, said)
    return go_to(request, reverse("pause"))


def next_case(request: HttpRequest, said: str = "") -> HttpResponse:
    """Claim the most urgent case and open it; ``said`` tells what was done before."""
    try:
        case = claims.claim_next(actor=actor(request))
    except ShiftFull:
        return to_pause(request, said)
    if case is None:
        _tell(request, said)
        return go_to(request, reverse("queue"))
    if said:
        messages.success(request, f"{said} This is the next one.")
    return go_to(request, case_url(case))


def _tell(request: HttpRequest, said: str) -> None:
    if care.holds_back(person(request), timezone.now()):
        rest = "Nothing else is open for you; what you skipped or left out waits for others."
    elif said:
        rest = "Nothing else is open."
    else:
        rest = "Nothing is open. New cases appear here after the next run."
    (messages.success if said else messages.info)(request, f"{said} {rest}".strip())
