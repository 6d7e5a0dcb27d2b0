"""Referring an escalated case to the police: written on the case's page, confirmed on another."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from moderation import forms
from moderation.access import case_or_404
from moderation.models import Case
from moderation.selectors import completeness, report_faults
from moderation.selectors import drafts as select_drafts
from moderation.services import escalation
from moderation.views.answers import case_url, go_to, person
from moderation.views.case import panel_context, with_refusal
from moderation.views.decisions import keep_words, take
from staff.capabilities import Capability
from staff.confirmation import NOTHING, confirm, is_confirmed, spend, ways
from staff.views import require

_WRONG = "refer_wrong"  # in the session: of which case, and what was wrong, until it is shown


@require(Capability.DECIDE_ESCALATIONS)
@require_http_methods(["GET", "HEAD", "POST"])
def refer(request: HttpRequest, reference: str) -> HttpResponse:
    """Refer an escalated case to the police: what is written first, then confirmed on a page."""
    case = case_or_404(person(request), reference)
    if request.method != "POST":
        return _confirm_what_was_written(request, case)
    if "confirmed" not in request.POST:
        form = forms.ReferForm(request.POST)
        if not form.is_valid():
            return with_refusal(request, case, form, status=422)
        # An address of its own: to confirm by a second factor or at a sign-in service leads away
        # from here and back, and so may the browser's Back after the approval.
        if _may_refer(panel_context(request, case)) and keep_words(request, case, form):
            return go_to(request, _confirm_url(case, form.cleaned_data["version"]))
        return _confirm(request, case, form)
    wrong = _unconfirmed(request, case)
    if wrong:
        form = forms.ReferForm(request.POST)
        if not form.is_valid():
            return with_refusal(request, case, form, status=422)
        if keep_words(request, case, form):
            # Back must never lead to the answer to a form: the browser would ask to send it again.
            request.session[_WRONG] = [case.pk, wrong]
            return go_to(request, _confirm_url(case, form.cleaned_data["version"]))
        return _confirm(request, case, form, wrong_password=wrong)

    def refer_once(**written: Any) -> Case:
        referred = escalation.refer(**written)
        spend(request)
        return referred

    return take(
        request,
        reference,
        forms.ReferForm,
        refer_once,
        "{reference} is referred to the police.",
        home="referrals",
    )


def _confirm_url(case: Case, version: int) -> str:
    return f"{reverse('case_refer', args=[case.reference])}?version={version}"


def _confirm_what_was_written(request: HttpRequest, case: Case) -> HttpResponse:
    """The page that confirms, from the person's draft; the case where there is nothing to confirm.

    So after the referral: the case says there who referred it.
    """
    written = select_drafts.of(case, person(request)).words.get(forms.ReferForm.name, {})
    form = forms.ReferForm({**written, "version": request.GET.get("version", "")})
    if not form.is_valid() or not _may_refer(panel_context(request, case)):
        return redirect(case_url(case, "do=refer"))
    about, wrong = request.session.pop(_WRONG, (None, ""))
    return _confirm(request, case, form, wrong_password=wrong if about == case.pk else "")


def _unconfirmed(request: HttpRequest, case: Case) -> str:
    """Why the person must confirm again who they are; "" where they need not, or just have.

    Who may not refer this case is not asked: the service says why.
    """
    if is_confirmed(request) or not _may_refer(panel_context(request, case)):
        return ""
    return confirm(request, request.POST.get("password", ""))


def _may_refer(context: dict[str, Any]) -> bool:
    return any(choice.name == "refer" for choice in context["panel"].choices)


def _confirm(
    request: HttpRequest, case: Case, form: forms.ReferForm, *, wrong_password: str = ""
) -> HttpResponse:
    context = panel_context(request, case)
    if not _may_refer(context):
        return with_refusal(request, case, form, status=409)
    offered = next(choice for choice in context["panel"].choices if choice.name == form.name)
    context |= {
        "form": form,
        "confirm_url": _confirm_url(case, form.cleaned_data["version"]),
        "consequences": offered.consequences,
        "meter": completeness.meter(case),
        "faults": report_faults.faults(case),
        "unset": report_faults.unset(),
        "ask_password": not is_confirmed(request),
        "ways": ways(request),
        "nothing_confirms": NOTHING,
        "wrong_password": wrong_password,
    }
    status = 422 if wrong_password else 200
    return render(request, "moderation/refer_confirm.html", context, status=status)
