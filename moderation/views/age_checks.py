"""Asking the platform to make sure of an account's age, and writing down what it answers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from moderation import forms
from moderation.services import age_checks
from moderation.views.decisions import take
from staff.capabilities import Capability
from staff.views import require

_methods = require_http_methods(["GET", "HEAD", "POST"])


@require(Capability.REVIEW_CASES)
@_methods
def ask(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask for an age check, and set the held case aside until it is answered."""
    return take(
        request,
        reference,
        forms.AgeCheckForm,
        age_checks.ask,
        "{reference} waits for an age check until {until:%-d %b %Y}.",
    )


@require(Capability.REVIEW_CASES)
@_methods
def answer(request: HttpRequest, reference: str) -> HttpResponse:
    """Record what the platform answered."""
    return take(
        request,
        reference,
        forms.AgeAnswerForm,
        age_checks.answer,
        "The answer is on {reference}.",
    )
