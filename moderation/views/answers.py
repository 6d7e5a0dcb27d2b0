"""How views answer: whole pages for browsers, parts for htmx, redirects for both."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from audit.actors import Actor
from moderation.models import Case
from staff.models import User


def person(request: HttpRequest) -> User:
    """Who is signed in. For views behind ``staff.views.require``, which lets nobody else in."""
    if not isinstance(request.user, User):
        raise TypeError("This view needs staff.views.require in front of it.")
    return request.user


def actor(request: HttpRequest) -> Actor:
    """The person who is signed in, as services want to be told."""
    return Actor.of_user(person(request))


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asked, for a part of a page."""
    return request.headers.get("HX-Request") == "true" and "HX-Boosted" not in request.headers


def go_to(request: HttpRequest, url: str) -> HttpResponse:
    """After a change: the browser loads ``url``, so that a reload repeats nothing."""
    if wants_part(request):
        return HttpResponse(headers={"HX-Redirect": url})
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response


def case_url(case: Case, query: str = "") -> str:
    """The address of a case's page."""
    url = reverse("case", args=[case.reference])
    return f"{url}?{query}" if query else url
