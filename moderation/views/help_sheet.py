"""The help sheet: what the words mean, and the keys."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from moderation.selectors.care import contacts
from moderation.views.answers import wants_part
from staff.views import signed_in


@signed_in
@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """A page of its own, or for the dialog its content."""
    template = "moderation/help.html" + ("#sheet" if wants_part(request) else "")
    return render(request, template, {"contacts": contacts()})
