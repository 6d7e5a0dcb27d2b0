"""Showing the names of a case's children to the person who works on it, and hiding them again."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from moderation import forms
from moderation.access import case_or_404
from moderation.errors import InvalidDecision
from moderation.services import reveals
from moderation.views.answers import actor, case_url, go_to, person
from moderation.views.case import forget_reveal, remember_reveal, with_refusal
from staff.capabilities import Capability
from staff.errors import Refused
from staff.views import require

_methods = require_http_methods(["GET", "HEAD", "POST"])


@require(Capability.REVEAL_CHILDREN)
@_methods
def reveal(request: HttpRequest, reference: str) -> HttpResponse:
    """Show the names, in this session, once a reason is given."""
    case = case_or_404(person(request), reference)
    if request.method != "POST":
        return redirect(case_url(case, "do=reveal"))
    form = forms.RevealForm(request.POST)
    if not form.is_valid():
        return with_refusal(request, case, form, status=422)
    try:
        shown = reveals.reveal(actor=actor(request), case_id=case.pk, **form.cleaned_data)
    except InvalidDecision as refusal:
        form.refuse(refusal)
        return with_refusal(request, case, form, status=422)
    except Refused as refusal:
        fresh = case_or_404(person(request), reference)
        return with_refusal(request, fresh, form, status=409, refusal=refusal)
    remember_reveal(request, shown)
    return go_to(request, case_url(case, "contacts=1") + "#people")


@require(Capability.REVEAL_CHILDREN)
@_methods
def conceal(request: HttpRequest, reference: str) -> HttpResponse:
    """Hide the names before their time is over."""
    case = case_or_404(person(request), reference)
    if request.method != "POST":
        return redirect(case_url(case))
    reveals.conceal(actor=actor(request), case_id=case.pk)
    forget_reveal(request, case)
    return go_to(request, case_url(case) + "#people")
