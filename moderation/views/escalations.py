"""What waits for a supervisor, and what was referred."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from moderation.selectors import escalations as select
from moderation.selectors.outbox import given_up, stuck
from moderation.views.answers import person
from moderation.views.rows import row_of
from staff.capabilities import Capability
from staff.views import require


@require(Capability.DECIDE_ESCALATIONS)
@require_safe
def escalations(request: HttpRequest) -> HttpResponse:
    """Escalated cases with the moderator's reasoning, the nearest deadline first."""
    user, now = person(request), timezone.now()
    page, links = _page(request, select.waiting(user))
    rows = [(row_of(case, user, now), case.escalated_by_id == user.pk) for case in page]
    return render(request, "moderation/escalations.html", {"rows": rows, "page": links})


@require(Capability.VIEW_CASES)
@require_safe
def referrals(request: HttpRequest) -> HttpResponse:
    """Referrals to the police: what is still to be sent first."""
    user = person(request)
    page, links = _page(request, select.referrals(user))
    to_be_sent = select.to_be_sent(user)
    context = {
        "referrals": page,
        "page": links,
        "given_up": given_up(user),
        "stuck": stuck(user, timezone.now()),
        "to_be_sent": to_be_sent.count(),
        "oldest": to_be_sent.first(),
    }
    return render(request, "moderation/referrals.html", context)


def _page(request: HttpRequest, found: QuerySet[Any]) -> tuple[Any, dict[str, Any]]:
    page = Paginator(found, select.PAGE_SIZE).get_page(request.GET.get("page"))
    return page, links_of(page)


def links_of(page: Page[Any], query: str = "") -> dict[str, Any]:
    """What the pagination shows of ``page``; ``query`` goes before the number in its links."""
    base = f"?{query}page="
    return {
        "number": page.number,
        "total": page.paginator.count,
        "summary": f"{page.start_index()} to {page.end_index()} of {page.paginator.count}",
        "previous_url": f"{base}{page.previous_page_number()}" if page.has_previous() else "",
        "next_url": f"{base}{page.next_page_number()}" if page.has_next() else "",
    }
