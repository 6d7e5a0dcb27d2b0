"""A referral on its way, as supervisors follow it, and police holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from moderation.access import case_or_404
from moderation.domain.referrals import ReferralState
from moderation.errors import InvalidDecision
from moderation.forms import CaseForm
from moderation.models import Case, Delivery, Referral
from moderation.referral_forms import (
    AcknowledgeForm,
    HoldForm,
    OutcomeForm,
    RejectForm,
    SentForm,
    StopForm,
)
from moderation.selectors import completeness, holds
from moderation.selectors.outbox import seal_is_late
from moderation.services import holds as hold_services
from moderation.services import referrals as services
from moderation.views.answers import actor, case_url, go_to, person
from staff.capabilities import Capability
from staff.errors import Refused
from staff.views import require

_FORMS: dict[str, tuple[type[CaseForm], Callable[..., Referral], str]] = {
    "send": (SentForm, services.mark_sent, "It is recorded as sent."),
    "stop": (StopForm, services.stop_sending, "Sightline has stopped sending it."),
    "acknowledge": (AcknowledgeForm, services.acknowledge, "It is recorded as acknowledged."),
    "reject": (RejectForm, services.reject, "It is recorded as rejected."),
    "outcome": (OutcomeForm, services.record_outcome, "What became of it is recorded."),
}
_OFFERED: dict[str, tuple[str, ...]] = {
    ReferralState.APPROVED: ("send",),
    ReferralState.SENT: ("acknowledge", "reject"),
    ReferralState.ACKNOWLEDGED: ("outcome",),
}
TITLES: dict[str, tuple[str, str]] = {
    "send": ("Handed over by hand", "Record it as sent"),
    "stop": ("Send it another way", "Stop sending it"),
    "acknowledge": ("The police have acknowledged it", "Record it"),
    "reject": ("The police have rejected it", "Record it"),
    "outcome": ("What became of it", "Record it"),
}
"""Of each step, the words above its form and on its button."""


@require(Capability.VIEW_CASES)
@require_safe
def referral(request: HttpRequest, reference: str) -> HttpResponse:
    """One referral: how far it has come, what the tip has, and for supervisors the next step."""
    case, found = _referral(request, reference)
    return _page(request, case, found) if found else redirect(case_url(case))


@require(Capability.DECIDE_ESCALATIONS)
@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, reference: str, verb: str) -> HttpResponse:
    """Record one step of a referral."""
    case, found = _referral(request, reference)
    if verb not in _FORMS:
        raise Http404("There is no such step.")
    url = reverse("referral", args=[case.reference])
    if request.method != "POST" or found is None:
        return redirect(url)
    form_class, service, done = _FORMS[verb]
    form = form_class(request.POST)
    if not form.is_valid():
        return _page(request, case, found, tried=form)
    try:
        service(actor=actor(request), referral_id=found.pk, **form.cleaned_data)
    except InvalidDecision as refusal:
        form.refuse(refusal)
        return _page(request, case, found, tried=form)
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, done)
    return go_to(request, url)


@require(Capability.DECIDE_ESCALATIONS)
@require_http_methods(["GET", "HEAD", "POST"])
def hold(request: HttpRequest, reference: str) -> HttpResponse:
    """The police hold on the account of a case: set it, or lift it."""
    case = case_or_404(person(request), reference)
    standing = holds.hold_on(case.account_id)
    form = HoldForm()
    if request.method == "POST":
        form = HoldForm(request.POST)
        lifts = request.POST.get("step") == "lift"
        if form.is_valid():
            service = hold_services.lift_hold if lifts else hold_services.set_hold
            try:
                service(actor=actor(request), case_id=case.pk, **form.cleaned_data)
            except InvalidDecision as refusal:
                form.refuse(refusal)
            except Refused as refusal:
                messages.warning(request, refusal.message)
                return go_to(request, reverse("case_hold", args=[case.reference]))
            else:
                said = "is lifted" if lifts else "stands"
                messages.success(request, f"The police hold on this account {said}.")
                return go_to(request, reverse("case_hold", args=[case.reference]))
    context = {"case": case, "hold": standing, "form": form}
    status = 422 if form.errors else 200
    return render(request, "moderation/hold.html", context, status=status)


def _referral(request: HttpRequest, reference: str) -> tuple[Case, Referral | None]:
    """The case, and its referral where it was referred."""
    case = case_or_404(person(request), reference)
    people = ("requested_by", "approved_by")
    found = Referral.objects.filter(case=case).select_related(*people).first()
    return case, found


def _page(
    request: HttpRequest, case: Case, found: Referral, *, tried: CaseForm | None = None
) -> HttpResponse:
    deliveries = list(found.deliveries.all())
    under_way = [delivery for delivery in deliveries if delivery.is_under_way]
    offered: tuple[str, ...] = ()
    if person(request).can(Capability.DECIDE_ESCALATIONS):
        offered = _OFFERED.get(found.state, ())
        if under_way:
            waits = all(delivery.state == Delivery.State.WAITING for delivery in under_way)
            offered = ("stop",) if waits else ()
    steps: list[dict[str, Any]] = []
    for name in offered:
        form = tried if tried is not None and tried.name == name else _FORMS[name][0]()
        title, button = TITLES[name]
        steps.append({"name": name, "form": form, "title": title, "button": button})
    context = {
        "case": case,
        "referral": found,
        "deliveries": deliveries,
        "under_way": under_way,
        "seal_is_late": seal_is_late(found, timezone.now()),
        "steps": steps,
        "tried": tried,
        "meter": completeness.meter(case),
        "hold": holds.hold_on(case.account_id),
        "decides": person(request).can(Capability.DECIDE_ESCALATIONS),
    }
    return render(request, "moderation/referral.html", context, status=422 if tried else 200)
