"""How long cases may wait, and when that time runs."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from moderation.deadline_form import DeadlineForm
from moderation.errors import InvalidDecision
from moderation.models import DeadlineTerms
from moderation.selectors import terms as select
from moderation.services import terms
from moderation.views.answers import actor
from staff.capabilities import Capability
from staff.views import require


@require(Capability.EDIT_THRESHOLDS)
@require_http_methods(["GET", "HEAD", "POST"])
def deadlines(request: HttpRequest) -> HttpResponse:
    """The terms in force as a form, and who set them."""
    form = DeadlineForm(initial=DeadlineForm.of(select.current()))
    if request.method == "POST":
        form = DeadlineForm(request.POST)
        if form.is_valid() and _set(request, form):
            messages.success(request, "The deadlines are set, for every wait that begins now.")
            return redirect("deadlines")
    context = {
        "form": form,
        "latest": DeadlineTerms.objects.select_related("set_by").first(),
    }
    return render(request, "moderation/deadlines.html", context, status=422 if form.errors else 200)


def _set(request: HttpRequest, form: DeadlineForm) -> bool:
    try:
        terms.set_terms(actor=actor(request), **form.said())
    except InvalidDecision as refusal:
        form.refuse(refusal)
        return False
    return True
