"""One decision for several cases: review each, then follow the job."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from moderation.domain.bulk import MOST, obstacle
from moderation.domain.transitions import State
from moderation.domain.vocabulary import Severity
from moderation.errors import InvalidDecision
from moderation.forms import BulkForm
from moderation.models import BulkItem, BulkJob
from moderation.selectors import care
from moderation.selectors import queue as select
from moderation.services import bulk_decisions
from moderation.views.answers import actor, go_to, person, wants_part
from moderation.views.rows import Row, row_of
from staff.capabilities import Capability
from staff.models import User
from staff.views import require


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One case on the review page; ``why_not`` says why it would be left alone."""

    row: Row
    why_not: str


@require(Capability.REVIEW_CASES)
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest) -> HttpResponse:
    """Each chosen case with what would happen to it, and the decision; then the job begins."""
    user = person(request)
    form = BulkForm()
    if request.method == "POST":
        form = BulkForm(request.POST)
        versions = _versions(request.POST.getlist("version"))
        if form.is_valid():
            try:
                job = bulk_decisions.ask(
                    actor=actor(request), versions=versions, **form.cleaned_data
                )
            except InvalidDecision as refusal:
                form.refuse(refusal)
            else:
                return go_to(request, reverse("bulk_job", args=[job.pk]))
        chosen = list(versions)
    else:
        chosen = [int(pk) for pk in request.GET.getlist("case") if pk.isdecimal() and len(pk) < 18]
    reviewed = _reviewed(user, chosen[:MOST])
    if not reviewed:
        messages.warning(request, "Tick the cases that you want to decide together.")
        return redirect("queue")
    context = {
        "form": form,
        "reviewed": reviewed,
        "count": sum(not item.why_not for item in reviewed),
        "more": max(0, len(chosen) - MOST),
    }
    return render(request, "moderation/bulk.html", context, status=422 if form.errors else 200)


@require(Capability.REVIEW_CASES)
@require_safe
def job(request: HttpRequest, job_id: int) -> HttpResponse:
    """How far a job of one's own is, and what it left alone: a page, or the part for htmx."""
    found = BulkJob.objects.filter(pk=job_id, by=person(request)).first()
    if found is None:
        raise Http404("There is no such job.")
    items = list(found.items.select_related("case").order_by("pk"))
    outcomes = [item.outcome for item in items]
    context = {
        "job": found,
        "total": len(items),
        "done": outcomes.count(BulkItem.Outcome.DONE),
        "waiting": outcomes.count(BulkItem.Outcome.WAITING),
        "left": [item for item in items if item.outcome == BulkItem.Outcome.REFUSED],
        "verb": {"dismiss": "dismissed", "monitor": "put under monitoring"}[found.verb],
    }
    template = "moderation/bulk_job.html" + ("#state" if wants_part(request) else "")
    return render(request, template, context)


def _reviewed(user: User, chosen: list[int]) -> list[Reviewed]:
    now = timezone.now()
    standing = care.standing(user, now)
    carried, room = care.carried(standing), standing.room
    reviewed = []
    for case in select.by_ids(user, chosen):
        row = row_of(case, user, now)
        why_not = obstacle(
            state=State(case.state),
            severity=Severity(case.severity),
            free=row.claimable or row.mine,
            holder=row.holder,
        )
        if not why_not and not row.mine and case.pk not in carried:
            room -= 1
            why_not = "Your shift has no room for it." if room < 0 else ""
        reviewed.append(Reviewed(row, why_not))
    return reviewed


def _versions(sent: list[str]) -> dict[int, int]:
    """``12:3`` is case 12 as version 3; anything else is left out."""
    versions: dict[int, int] = {}
    for pair in sent:
        case, _, version = pair.partition(":")
        if case.isdecimal() and version.isdecimal() and len(pair) < 28:
            versions[int(case)] = int(version)
    return versions
