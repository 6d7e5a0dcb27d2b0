"""Handing over a package, filing it, and the outbox."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from audit.reads import record_read
from moderation.access import case_or_404
from moderation.domain.referrals import Destination, ReferralState
from moderation.errors import InvalidDecision
from moderation.models import Case, Delivery, Referral
from moderation.package import nca as form_of_the_nca
from moderation.referral_forms import NcaForm
from moderation.selectors import outbox as select
from moderation.services import filing, outbox, packages, referrals
from moderation.views.answers import actor, case_url, go_to, person
from staff.capabilities import Capability
from staff.errors import Refused
from staff.views import require

PAGE_SIZE = 50
_methods = require_http_methods(["GET", "HEAD", "POST"])


@require(Capability.DECIDE_ESCALATIONS)
@_methods
def package(request: HttpRequest, reference: str) -> HttpResponse:
    """The package of a case as a file: a POST, because it leaves an entry."""
    case = case_or_404(person(request), reference)
    if request.method != "POST":
        return redirect(case_url(case))
    try:
        made = packages.export(actor=actor(request), case_id=case.pk)
    except Refused as refusal:
        messages.warning(request, refusal.message)
        return go_to(request, case_url(case))
    return HttpResponse(
        made.data,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{made.name}"',
            "Cache-Control": "no-store",
        },
    )


@require(Capability.DECIDE_ESCALATIONS)
@_methods
def file_report(request: HttpRequest, reference: str) -> HttpResponse:
    """File the referral with NCMEC, once the person has seen where it goes."""
    case, referral = _referral(request, reference)
    if referral is None:
        return redirect(case_url(case))
    context = {
        "case": case,
        "referral": referral,
        "missing": filing.missing(),
        "production": settings.CYBERTIPLINE_HOST == "production",
        "approved": referral.state == ReferralState.APPROVED,
    }
    if request.method != "POST":
        return render(request, "moderation/file_report.html", context)
    try:
        asked = filing.file(actor=actor(request), referral_id=referral.pk)
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        if asked.state == Delivery.State.DONE:
            messages.warning(request, f"It is there already, as number {asked.receipt}.")
        else:
            messages.success(request, f"{case.reference} is on its way to NCMEC.")
    return go_to(request, reverse("referral", args=[case.reference]))


@require(Capability.DECIDE_ESCALATIONS)
@_methods
def nca(request: HttpRequest, reference: str) -> HttpResponse:
    """The NCA's portal form: fields to copy, and the reference that comes back."""
    case, referral = _referral(request, reference)
    if referral is None:
        return redirect(case_url(case))
    evidence = select.sealed_evidence(referral)
    level = form_of_the_nca.proposed(evidence) if evidence else "3"
    form = NcaForm(request.POST or None, initial={"priority": level})
    if request.method == "POST" and form.is_valid():
        priority, number = form.cleaned_data["priority"], form.cleaned_data["receipt"]
        try:
            referrals.mark_sent(
                actor=actor(request),
                referral_id=referral.pk,
                destination=Destination.NCA,
                receipt=f"{number} (priority {priority})",
            )
        except InvalidDecision as refusal:
            form.refuse(refusal)
        except Refused as refusal:
            messages.warning(request, refusal.message)
            return go_to(request, reverse("referral", args=[case.reference]))
        else:
            messages.success(request, f"{case.reference} is recorded as sent to the NCA.")
            return go_to(request, reverse("referral", args=[case.reference]))
    if evidence:
        # The form shows who the flagged account is, who may be a child.
        record_read(
            actor=actor(request),
            target=f"case:{case.reference}",
            fields=form_of_the_nca.PERSONAL,
            reason="nca_form",
        )
    context = {
        "case": case,
        "referral": referral,
        "groups": form_of_the_nca.groups(evidence, _reporter()) if evidence else (),
        "attached": form_of_the_nca.ATTACHED,
        "erased": not evidence and select.is_erased(referral),
        "form": form,
        "approved": referral.state == ReferralState.APPROVED,
        "under_way": select.under_way(referral).exists(),
    }
    return render(request, "moderation/nca.html", context, status=422 if form.errors else 200)


@require(Capability.VIEW_CASES)
@require_safe
def outbox_page(request: HttpRequest) -> HttpResponse:
    """Everything that leaves the house; what was given up on comes first."""
    user = person(request)
    page = Paginator(select.deliveries(user), PAGE_SIZE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "deliveries": page,
        "dead": select.given_up(user).together,
        "stuck": select.stuck(user, timezone.now()),
        "decides": user.can(Capability.DECIDE_ESCALATIONS),
        "page": {
            "number": page.number,
            "summary": f"{page.start_index()} to {page.end_index()} of {page.paginator.count}",
            "previous_url": f"?page={page.previous_page_number()}" if page.has_previous() else "",
            "next_url": f"?page={page.next_page_number()}" if page.has_next() else "",
        },
    }
    return render(request, "moderation/outbox.html", context)


@require(Capability.DECIDE_ESCALATIONS)
@_methods
def retry(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Let a delivery be tried again at once."""
    if not select.deliveries(person(request)).filter(pk=delivery_id).exists():
        raise Http404("There is no such delivery.")
    if request.method == "POST":
        try:
            outbox.retry(actor=actor(request), delivery_id=delivery_id)
        except Refused as refusal:
            messages.warning(request, refusal.message)
        else:
            messages.success(request, "It is tried again now.")
    return go_to(request, reverse("outbox"))


def _referral(request: HttpRequest, reference: str) -> tuple[Case, Referral | None]:
    case = case_or_404(person(request), reference)
    return case, Referral.objects.filter(case=case).first()


def _reporter() -> dict[str, str]:
    return {
        "Contact": settings.REPORTER_NAME,
        "E-mail": settings.REPORTER_EMAIL,
        "Telephone": settings.REPORTER_PHONE,
    }
