"""A person's shift: where it stands, a break, what to leave to others, its end."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from moderation.access import case_or_404
from moderation.domain.care import CATEGORY_LABELS, Category
from moderation.errors import InvalidDecision
from moderation.models import CareTerms, Shift
from moderation.selectors import care as select
from moderation.services import care
from moderation.views.answers import actor, case_url, go_to, person
from moderation.views.onwards import next_case
from staff.capabilities import Capability
from staff.errors import Refused
from staff.views import require

# Sending again what a sign-in page interrupted would be wrong; the address leads to the page.
_methods = require_http_methods(["GET", "HEAD", "POST"])


class ChoiceForm(forms.Form):
    """What somebody leaves to others."""

    left_out = forms.MultipleChoiceField(
        label="Do not offer me",
        required=False,
        choices=[(category.value, CATEGORY_LABELS[category]) for category in Category],
        widget=forms.CheckboxSelectMultiple,
        help_text="Nobody asks why, and nobody else sees it. You can still open such a case.",
    )


def _limit(label: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=1,
        max_value=care.MOST,
        error_messages={"required": "Give a number.", "invalid": "Give a whole number."},
    )


class TermsForm(forms.Form):
    """The limits of a shift and whom to talk to."""

    use_required_attribute = False

    cases = _limit("Cases in a shift")
    critical = _limit("Of these, critical ones")
    reveals = _limit("Times that names are revealed")
    contacts = forms.CharField(
        label="Someone to talk to",
        help_text="Shown in the help, a line each: people, telephone numbers, when they answer.",
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": "Say whom people can talk to."},
    )


@require(Capability.REVIEW_CASES)
@require_safe
def shift(request: HttpRequest) -> HttpResponse:
    """Where the shift stands, and the choices for it; seen by the person alone.

    Those who look after the load also see what the team has carried together.
    """
    user = person(request)
    standing = select.standing(user, timezone.now())
    context = {
        "standing": standing,
        "form": ChoiceForm(initial={"left_out": select.left_out(user)}),
        "contacts": select.contacts(),
        "summary": select.summary(standing.shift) if standing.shift else None,
        "team": select.team(timezone.now()) if user.can(Capability.VIEW_LOAD) else [],
        "fewest": select.FEWEST,
    }
    return render(request, "moderation/shift.html", context)


@require(Capability.REVIEW_CASES)
@_methods
def choose(request: HttpRequest) -> HttpResponse:
    """Leave categories of cases to others."""
    if request.method == "POST":
        form = ChoiceForm(request.POST)
        if form.is_valid():
            care.choose(actor=actor(request), left_out=form.cleaned_data["left_out"])
            messages.success(request, "Your choice counts from the next case on.")
        else:
            messages.error(request, "Choose from the categories offered. Nothing was changed.")
    return go_to(request, reverse("shift"))


@require(Capability.REVIEW_CASES)
@_methods
def pause(request: HttpRequest) -> HttpResponse:
    """The page before one case more than the limit; a POST goes on a little all the same."""
    if request.method == "POST":
        care.go_on(actor=actor(request))
        return next_case(request)
    context = {
        "standing": select.standing(person(request), timezone.now()),
        "contacts": select.contacts(),
    }
    return render(request, "moderation/pause.html", context)


@require(Capability.REVIEW_CASES)
@_methods
def end(request: HttpRequest) -> HttpResponse:
    """End the shift, give back what is held, and tell what the shift was."""
    user = person(request)
    if request.method == "POST":
        care.end_shift(actor=actor(request))
        return go_to(request, reverse("shift_end"))
    last = Shift.objects.filter(user=user).exclude(ended_at=None).order_by("-began_at").first()
    context = {
        "summary": select.summary(last) if last else None,
        "contacts": select.contacts(),
    }
    return render(request, "moderation/shift_end.html", context)


@require(Capability.REVIEW_CASES)
@_methods
def skip(request: HttpRequest, reference: str) -> HttpResponse:
    """Give a case to others and take the next; no reason is asked."""
    case = case_or_404(person(request), reference)
    if request.method != "POST":
        return redirect(case_url(case))
    try:
        care.skip(actor=actor(request), case_id=case.pk)
    except Refused as refusal:
        messages.warning(request, refusal.message)
        return go_to(request, case_url(case))
    return next_case(request, f"{case.reference} is left to others.")


@require(Capability.MANAGE_STAFF)
@_methods
def terms(request: HttpRequest) -> HttpResponse:
    """The limits of a shift, for an admin."""
    latest = CareTerms.objects.select_related("set_by").first()
    limits = select.limits(latest)
    form = TermsForm(
        request.POST if request.method == "POST" else None,
        initial={
            "cases": limits.cases,
            "critical": limits.critical,
            "reveals": limits.reveals,
            "contacts": "\n".join(select.contacts()),
        },
    )
    if form.is_valid():
        try:
            care.set_terms(actor=actor(request), **form.cleaned_data)
        except InvalidDecision as refusal:
            for field, message in refusal.errors.items():
                form.add_error(field, message)
        else:
            messages.success(request, "The limits count from now on.")
            return redirect("care")
    context = {"form": form, "latest": latest}
    return render(request, "moderation/care.html", context, status=422 if form.errors else 200)
