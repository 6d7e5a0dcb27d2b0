"""Going anywhere by what one pastes or types: a page, and for the dialog over every page a part."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from moderation.selectors.palette import find
from moderation.views.answers import person, wants_part
from staff.views import signed_in


@signed_in
@require_safe
def go(request: HttpRequest) -> HttpResponse:
    """What the typed text leads to, for this person."""
    text = request.GET.get("q", "")
    context = {"q": text.strip(), "hits": find(person(request), text)}
    part = ("#hits" if "q" in request.GET else "#dialog") if wants_part(request) else ""
    return render(request, f"moderation/palette.html{part}", context)
