"""Everything that a person does to a case from its page. Each view calls one service."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from moderation import forms
from moderation.access import case_or_404
from moderation.errors import CaseTaken, InvalidDecision, ShiftFull
from moderation.models import Case
from moderation.services import claims, decisions, drafts, escalation, undo
from moderation.views.answers import actor, case_url, go_to, person, wants_part
from moderation.views.case import panel_context, with_refusal
from moderation.views.onwards import next_case, to_pause
from moderation.views.queue import row_part
from staff.capabilities import Capability
from staff.errors import Refused
from staff.views import require

Service = Callable[..., Case]

# Sending again what a sign-in page interrupted would be wrong; the address leads to the case.
_methods = require_http_methods(["GET", "HEAD", "POST"])


@require(Capability.REVIEW_CASES)
@_methods
def claim(request: HttpRequest, reference: str) -> HttpResponse:
    """Claim a case, from the queue or from its page; who loses the race is told who won it."""
    case = case_or_404(person(request), reference)
    if request.method != "POST":
        return redirect(case_url(case))
    try:
        claims.claim(actor=actor(request), case_id=case.pk)
    except ShiftFull:
        return to_pause(request)
    except CaseTaken as taken:
        template = "moderation/case_taken.html" + ("#notice" if wants_part(request) else "")
        return render(request, template, {"case": case, "taken": taken}, status=409)
    except Refused as refusal:
        if wants_part(request):
            return row_part(request, case.pk, refusal.message)
        messages.warning(request, refusal.message)
        return go_to(request, case_url(case))
    if wants_part(request):
        return row_part(request, case.pk, f"You hold {case.reference} now.")
    return go_to(request, case_url(case))


@require(Capability.REVIEW_CASES)
@_methods
def renew(request: HttpRequest, reference: str) -> HttpResponse:
    """Let one's hold on a case last 20 minutes from now."""
    case = case_or_404(person(request), reference)
    if request.method != "POST":
        return redirect(case_url(case))
    try:
        case = claims.renew(actor=actor(request), case_id=case.pk)
    except Refused as refusal:
        if wants_part(request):
            case = case_or_404(person(request), reference)
            context = panel_context(request, case, refusal=refusal)
            return render(request, "moderation/case_panel.html#lease", context, status=409)
        messages.warning(request, refusal.message)
        return go_to(request, case_url(case))
    if wants_part(request):
        return render(request, "moderation/case_panel.html#lease", panel_context(request, case))
    return go_to(request, case_url(case))


@require(Capability.REVIEW_CASES)
@_methods
def release(request: HttpRequest, reference: str) -> HttpResponse:
    """Give a case back to the queue."""
    case = case_or_404(person(request), reference)
    if request.method != "POST":
        return redirect(case_url(case))
    try:
        claims.release(actor=actor(request), case_id=case.pk)
    except Refused as refusal:
        messages.warning(request, refusal.message)
        return go_to(request, case_url(case))
    messages.success(request, f"{case.reference} is back in the queue.")
    return go_to(request, reverse("queue"))


@require(Capability.REASSIGN_CASES)
@_methods
def put_back(request: HttpRequest, reference: str) -> HttpResponse:
    """Take a case from whoever holds it; it waits in the queue then, also for the supervisor."""
    case = case_or_404(person(request), reference)
    if request.method != "POST":
        return redirect(case_url(case))
    try:
        claims.put_back(actor=actor(request), case_id=case.pk)
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, f"{case.reference} is back in the queue.")
    return go_to(request, case_url(case))


@require(Capability.REVIEW_CASES)
@_methods
def take_back(request: HttpRequest, reference: str) -> HttpResponse:
    """Take back one's own decision; the case is in review again."""
    case = case_or_404(person(request), reference)
    if request.method != "POST":
        return redirect(case_url(case))
    try:
        version = int(request.POST.get("version", ""))
    except ValueError:
        version = 0  # no case has it: the page is told to look again
    try:
        undo.undo(actor=actor(request), case_id=case.pk, version=version)
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, f"{case.reference} is in review again, and you hold it.")
    return go_to(request, case_url(case))


@require(Capability.REVIEW_CASES)
@_methods
def note(request: HttpRequest, reference: str) -> HttpResponse:
    """Leave a note."""
    return take(
        request, reference, forms.NoteForm, decisions.add_note, "Your note is on {reference}."
    )


@require(Capability.REVIEW_CASES)
@_methods
def dismiss(request: HttpRequest, reference: str) -> HttpResponse:
    """Dismiss a held case."""
    return take(
        request, reference, forms.DismissForm, decisions.dismiss, "{reference} is dismissed."
    )


@require(Capability.REVIEW_CASES)
@_methods
def monitor(request: HttpRequest, reference: str) -> HttpResponse:
    """Set a held case aside."""
    return take(
        request,
        reference,
        forms.MonitorForm,
        decisions.monitor,
        "{reference} is monitored until {until:%-d %b %Y}.",
    )


@require(Capability.REVIEW_CASES)
@_methods
def escalate(request: HttpRequest, reference: str) -> HttpResponse:
    """Hand a held case to the supervisors."""
    return take(
        request,
        reference,
        forms.EscalateForm,
        escalation.escalate,
        "{reference} is with the supervisors.",
    )


@require(Capability.DECIDE_ESCALATIONS)
@_methods
def send_back(request: HttpRequest, reference: str) -> HttpResponse:
    """Return an escalated case with a question."""
    return take(
        request,
        reference,
        forms.ReturnForm,
        escalation.send_back,
        "{reference} is back in the queue with your question.",
        home="escalations",
    )


@require(Capability.DECIDE_ESCALATIONS)
@_methods
def dismiss_escalation(request: HttpRequest, reference: str) -> HttpResponse:
    """Dismiss an escalated case."""
    return take(
        request,
        reference,
        forms.DismissEscalationForm,
        escalation.dismiss,
        "{reference} is dismissed.",
        home="escalations",
    )


def take(
    request: HttpRequest,
    reference: str,
    form_class: type[forms.CaseForm],
    service: Service,
    done: str,
    *,
    home: str = "",
) -> HttpResponse:
    """Read the form, call the service, go on: to a list, the next case, or back with errors.

    ``done`` is said afterwards; it may name ``{reference}`` and the form's fields.
    """
    case = case_or_404(person(request), reference)
    if request.method != "POST":
        return redirect(case_url(case, QueryDict(f"do={form_class.name}").urlencode()))
    form = form_class(request.POST)
    if not form.is_valid():
        return with_refusal(request, case, form, status=422)
    values: dict[str, Any] = form.cleaned_data
    try:
        service(actor=actor(request), case_id=case.pk, **values)
    except InvalidDecision as refusal:
        form.refuse(refusal)
        return with_refusal(request, case, form, status=422)
    except Refused as refusal:
        keep_words(request, case, form)
        fresh = case_or_404(person(request), reference)
        return with_refusal(request, fresh, form, status=409, refusal=refusal)
    said = done.format(reference=case.reference, **values)
    if "next" in request.POST:
        return next_case(request, said)
    messages.success(request, said)
    return go_to(request, reverse(home) if home else case_url(case))


def keep_words(request: HttpRequest, case: Case, form: forms.CaseForm) -> bool:
    """What was written outlives a refusal, and the way to another page: it is there again.

    Whether it could be kept.
    """
    with suppress(Refused):
        kept = drafts.keep(
            actor=actor(request), case_id=case.pk, form=form.name, given=request.POST.dict()
        )
        return kept is not None
    return False
