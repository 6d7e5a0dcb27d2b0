"""Deciding again without knowing what was decided."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from moderation.errors import InvalidDecision
from moderation.forms import LookForm
from moderation.models import SecondLook
from moderation.selectors import case as select
from moderation.selectors import second_looks
from moderation.services import second_looks as services
from moderation.views.answers import actor, go_to, person, wants_part
from moderation.views.case import page_context
from staff.capabilities import Capability
from staff.errors import Refused
from staff.views import require

_UNTIL = ("until_query", "until_day")
_SHOWN = (
    "account", "explanation", "network", "timeline", "contacts", "replay", "replay_data", *_UNTIL
)  # fmt: skip


@require(Capability.REVIEW_CASES)
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What second looks are, the button that takes one, and for supervisors the team's figures."""
    context: dict[str, Any] = {}
    if person(request).can(Capability.VIEW_LOAD):
        context["figures"] = second_looks.figures(timezone.now())
    return render(request, "moderation/second_looks.html", context)


@require(Capability.REVIEW_CASES)
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Take the next one."""
    look = services.start(actor=actor(request))
    if look is None:
        messages.info(request, "No second look waits for you.")
        return go_to(request, reverse("second_looks"))
    return go_to(request, reverse("second_look", args=[look.pk]))


@require(Capability.REVIEW_CASES)
@require_http_methods(["GET", "HEAD", "POST"])
def look(request: HttpRequest, look_id: int) -> HttpResponse:
    """The case as it was assessed then, without its state, its history or what was decided."""
    asked = SecondLook.objects.select_related(
        "decision__case__account", "decision__case__assessment", "decision__assessment"
    )
    found = asked.filter(pk=look_id, by=person(request), looked_at=None).first()
    if found is None:
        raise Http404("There is no such second look.")
    form = LookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.finish(actor=actor(request), look_id=found.pk, **form.cleaned_data)
        except InvalidDecision as refusal:
            form.refuse(refusal)
        except Refused as refusal:
            messages.warning(request, refusal.message)
            return redirect("second_looks")
        else:
            messages.success(request, "Your second look is recorded.")
            return redirect("second_looks")
    around = page_context(request, found.decision.case)
    if wants_part(request) and around["contacts"]:
        part = {name: around[name] for name in ("contacts", *_UNTIL)}
        return render(request, "moderation/case_contacts.html", part)
    context = {name: around[name] for name in _SHOWN} | {
        "form": form,
        "look": found,
        "points": found.decision.points,
        "explanation": select.explanation(found.decision.assessment),
    }
    status = 422 if form.errors else 200
    return render(request, "moderation/second_look.html", context, status=status)
