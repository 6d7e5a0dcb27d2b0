"""Keeping what somebody writes: by htmx while they type, by a plain button without script."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from moderation.access import case_or_404
from moderation.errors import InvalidDecision
from moderation.services import drafts
from moderation.views.answers import actor, case_url, go_to, person, wants_part
from staff.capabilities import Capability
from staff.views import require


@require(Capability.REVIEW_CASES)
@require_http_methods(["GET", "HEAD", "POST"])
def keep(request: HttpRequest, reference: str) -> HttpResponse:
    """Keep the words of one form; which one, its hidden field or button says as ``draft``."""
    case = case_or_404(person(request), reference)
    if request.method != "POST":
        return redirect(case_url(case))
    form = request.POST.get("draft", "")
    kept, refused = None, ""
    try:
        kept = drafts.keep(
            actor=actor(request), case_id=case.pk, form=form, given=request.POST.dict()
        )
    except InvalidDecision as refusal:
        refused = refusal.message
    if wants_part(request):
        context = {"case": case, "at": kept.updated_at if kept else None, "refused": refused}
        # 200 in every case: a refusal here must not take the place of the form being typed into.
        return render(request, "moderation/draft.html#kept", context)
    if refused:
        messages.warning(request, refused)
    elif kept:
        messages.success(request, f"Your draft on {case.reference} is kept.")
    else:
        messages.info(request, "There was nothing to keep.")
    return go_to(request, case_url(case, f"do={form}" if kept else ""))
