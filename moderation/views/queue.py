"""The queue page, and what is started from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST, require_safe

from moderation.domain.vocabulary import SEVERITY_LABELS, Severity
from moderation.models import Case
from moderation.selectors import queue as select
from moderation.selectors.queue import VIEWS, Filters
from moderation.views.answers import person, wants_part
from moderation.views.onwards import next_case
from moderation.views.rows import row_of
from staff.capabilities import Capability
from staff.views import page_shown, require


@require(Capability.VIEW_CASES)
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """The queue as the address filters it: a page, or for htmx the list alone."""
    filters = Filters.read(request.GET.dict())
    context = _context(request, filters)
    if wants_part(request):
        response = render(request, "moderation/queue.html#list", context | {"swapped": True})
        query = filters.query(after=filters.after, before=filters.before)
        response["HX-Push-Url"] = f"{reverse('queue')}?{query}" if query else reverse("queue")
        return response
    return render(request, "moderation/queue.html", context)


@require(Capability.VIEW_CASES)
@require_safe
def queue_updates(request: HttpRequest) -> HttpResponse:
    """How many cases came since the page was made: a link that shows them, or nothing (204)."""
    since = _moment(request.GET.get("since", ""))
    filters = Filters.read(request.GET.dict())
    new = select.arrived_since(person(request), filters, since) if since else 0
    if not new:
        return HttpResponse(status=204)
    query = filters.query(after="", before="")
    return render(request, "moderation/queue.html#arrived", {"new": new, "query": query})


@require(Capability.REVIEW_CASES)
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Claim the most urgent open case and open it."""
    return next_case(request)


def row_part(request: HttpRequest, case_id: int, announce: str) -> HttpResponse:
    """The fresh row of a case after a change from the list, with the list's new counts."""
    user = person(request)
    case = select.by_id(user, case_id)
    context = {
        "row": row_of(case, user, timezone.now()) if case else None,
        "announce": announce,
        "tabs": _tabs(_filters_of_the_page(request), select.counts(user)),
    }
    return render(request, "moderation/queue.html#row", context)


def _filters_of_the_page(request: HttpRequest) -> Filters:
    """Those of the list that a part of it was asked from."""
    return Filters.read(dict(parse_qsl(page_shown(request).query)))


def _context(request: HttpRequest, filters: Filters) -> dict[str, Any]:
    user, now = person(request), timezone.now()
    page = select.page(user, filters)
    base = reverse("queue")
    rows = [row_of(case, user, now) for case in page.cases]
    return {
        "filters": filters,
        "page": {
            "summary": page.summary,
            "next_url": f"{base}?{page.next_query}" if page.next_query else "",
            "previous_url": f"{base}?{page.previous_query}" if page.previous_query else "",
        },
        "rows": rows,
        "tickable": any(row.claimable or row.mine for row in rows),
        "held": page.held,
        "tabs": _tabs(filters, page.counts),
        "severities": [(s.value, SEVERITY_LABELS[s]) for s in Severity],
        "kinds": Case.Kind.choices,
        "can_review": user.can(Capability.REVIEW_CASES),
        "now": now,
        "view_label": VIEWS[filters.view],
        "updates_query": filters.query(after="", before=""),
    }


def _tabs(filters: Filters, counts: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "label": label,
            "query": filters.query(view=name, q=""),
            "current": filters.view == name and not filters.q,
            "count": select.counted(counts[name]) if name in counts else "",
        }
        for name, label in VIEWS.items()
    ]


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment is not None and timezone.is_aware(moment) else None
