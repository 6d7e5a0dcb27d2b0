"""The accounts that are not flagged for now, and why."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from moderation.domain.vocabulary import DISMISS_LABELS, DismissReason
from moderation.models import Exemption
from moderation.selectors import exemptions as select
from moderation.services import exemptions
from moderation.views.answers import actor, person
from moderation.views.escalations import links_of
from staff.capabilities import Capability
from staff.errors import Refused
from staff.views import require

PAGE_SIZE = 50


class RevokeForm(forms.Form):
    """Why an exemption ends before its day."""

    use_required_attribute = False
    reason = forms.CharField(
        label="Why it ends",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why it ends."},
    )


@require(Capability.VIEW_CASES)
@require_safe
def exemption_list(request: HttpRequest) -> HttpResponse:
    """Exemptions that count, the next to end first; with ``?ended=1`` those that are over."""
    ended = request.GET.get("ended") == "1"
    found = select.listed(person(request), ended=ended)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    rows = [(row, DISMISS_LABELS[DismissReason(row.decision.reason)]) for row in page]
    context = {
        "rows": rows,
        "ended": ended,
        "page": links_of(page, "ended=1&" if ended else ""),
        "may_revoke": person(request).can(Capability.DECIDE_ESCALATIONS) and not ended,
    }
    return render(request, "moderation/exemptions.html", context)


@require(Capability.DECIDE_ESCALATIONS)
@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, exemption_id: int) -> HttpResponse:
    """End one exemption, with the reason."""
    found = select.everything(person(request)).filter(pk=exemption_id).first()
    if found is None:
        raise Http404("There is no such exemption.")
    form = RevokeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            exemptions.revoke(actor=actor(request), exemption_id=found.pk, **form.cleaned_data)
        except Refused as refusal:
            messages.warning(request, refusal.message)
        else:
            messages.success(request, f"The exemption from {_case(found)} has ended.")
        return redirect("exemptions")
    context = {"form": form, "exemption": found}
    status = 422 if form.errors else 200
    return render(request, "moderation/exemption_revoke.html", context, status=status)


def _case(exemption: Exemption) -> str:
    return exemption.decision.case.reference
