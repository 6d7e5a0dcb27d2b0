"""Cases that belong together, and taking them together."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from moderation.access import case_or_404
from moderation.errors import ShiftFull
from moderation.selectors import care
from moderation.selectors import linked as select
from moderation.services import claims
from moderation.views.answers import actor, go_to, person
from moderation.views.onwards import to_pause
from moderation.views.rows import row_of
from staff.capabilities import Capability
from staff.errors import NotAllowed, Refused
from staff.views import require


@require(Capability.VIEW_CASES)
@require_http_methods(["GET", "HEAD", "POST"])
def linked(request: HttpRequest, reference: str) -> HttpResponse:
    """The cases linked with one; those ticked are claimed together."""
    user, now = person(request), timezone.now()
    case = case_or_404(user, reference)
    found = select.cases(case, user)
    if request.method == "POST":
        if not user.can(Capability.REVIEW_CASES):
            raise NotAllowed("Only people who review cases can claim them.")
        # What is ticked and no longer linked is left out.
        ticked = set(request.POST.getlist("case"))
        offered = {str(row.pk): row.pk for row in [case, *(link.case for link in found)]}
        chosen = [pk for name, pk in offered.items() if name in ticked]
        return _take(request, chosen, reference)
    context = {
        "case": case,
        "own": row_of(case, user, now),
        "rows": [(link, row_of(link.case, user, now)) for link in found],
        "may_claim": user.can(Capability.REVIEW_CASES),
    }
    return render(request, "moderation/linked.html", context)


def _take(request: HttpRequest, chosen: list[int], reference: str) -> HttpResponse:
    here = reverse("case_linked", args=[reference])
    if not chosen:
        messages.warning(request, "Tick the cases that you want to take.")
        return go_to(request, here)
    try:
        taken = claims.claim_together(actor=actor(request), case_ids=chosen)
    except ShiftFull:
        return to_pause(request)
    except Refused as refusal:
        messages.warning(request, refusal.message)
        return go_to(request, here)
    names = ", ".join(case.reference for case in taken)
    missed = len(chosen) - len(taken)
    full = missed and not care.standing(person(request), timezone.now()).room
    why = (
        "your shift has held enough, or others hold them" if full else "held by others, or decided"
    )
    left = f" {missed} could not be taken: {why}." if missed else ""
    if taken:
        messages.success(request, f"You hold {names}.{left}")
        return go_to(request, reverse("queue") + "?view=mine")
    messages.warning(request, left.strip())
    return go_to(request, here)
