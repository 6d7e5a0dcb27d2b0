"""The case page: who and why, the pictures, the history and the decision panel."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from moderation import pictures
from moderation.access import case_or_404
from moderation.forms import CaseForm
from moderation.models import Case, Referral
from moderation.selectors import case as select
from moderation.selectors.surroundings import surroundings, ties_between
from moderation.selectors.timeline import history
from moderation.views.answers import person, wants_part
from moderation.views.panel import WORDING, panel
from moderation.views.queue import row_of
from staff.capabilities import Capability
from staff.errors import Refused
from staff.views import require

TABLE_PAGE = 50


@require(Capability.VIEW_CASES)
@require_safe
def case_page(request: HttpRequest, reference: str) -> HttpResponse:
    """A case, or for htmx a part of its page: rows of evidence, or people of the table."""
    case = case_or_404(person(request), reference)
    if wants_part(request) and "evidence" in request.GET:
        return evidence_part(request, case, request.GET["evidence"])
    if wants_part(request) and "contacts" in request.GET:
        context = {"case": case, "contacts": _contacts_page(request, case)}
        return render(request, "moderation/case_contacts.html", context)
    return render(request, "moderation/case.html", page_context(request, case))


def evidence_part(request: HttpRequest, case: Case, indicator: str) -> HttpResponse:
    """The rows behind one sentence."""
    reason = _reason(case, indicator)
    if reason is None:
        raise Http404("There is no such sentence on this case.")
    people = surroundings(case.account).people
    context = {"case": case, "evidence": select.evidence(case, reason, people)}
    return render(request, "moderation/case_evidence.html", context)


def with_refusal(
    request: HttpRequest, case: Case, tried: CaseForm, status: int, refusal: Refused | None = None
) -> HttpResponse:
    """The page again after a decision that was not taken: with errors (422) or a refusal (409)."""
    if wants_part(request):
        context = panel_context(request, case, tried=tried, refusal=refusal)
        return render(request, "moderation/case_panel.html", context, status=status)
    context = page_context(request, case, tried=tried, refusal=refusal)
    return render(request, "moderation/case.html", context, status=status)


def panel_context(
    request: HttpRequest,
    case: Case,
    *,
    tried: CaseForm | None = None,
    refusal: Refused | None = None,
) -> dict[str, Any]:
    """What the panel alone needs."""
    opened = request.GET.get("do", "")
    return {
        "case": case,
        "row": row_of(case, person(request), timezone.now()),
        "panel": panel(
            case,
            person(request),
            opened=opened if opened in WORDING else "",
            tried=tried,
            refusal=refusal,
        ),
    }


def page_context(
    request: HttpRequest,
    case: Case,
    *,
    tried: CaseForm | None = None,
    refusal: Refused | None = None,
) -> dict[str, Any]:
    """What the whole page needs."""
    around = surroundings(case.account)
    shown = pictures.shown_members(around)
    ties = ties_between([contact.person.key for contact in shown])
    reason = _reason(case, request.GET.get("evidence", ""))
    return panel_context(request, case, tried=tried, refusal=refusal) | {
        "account": select.profile(case.account),
        "explanation": select.explanation(case.assessment),
        "evidence": select.evidence(case, reason, around.people) if reason else None,
        "around": around,
        "network": pictures.network_picture(around, shown, ties),
        "timeline": pictures.timeline_picture(around.children),
        "contacts": _contacts_page(request, case, around) if "contacts" in request.GET else None,
        "history": history(case),
        "referral": Referral.objects.filter(case=case).select_related("approved_by").first(),
    }


def _reason(case: Case, indicator: str) -> select.Reason | None:
    reasons = select.explanation(case.assessment).reasons
    return next((r for r in reasons if r.indicator == indicator and r.rows), None)


def _contacts_page(request: HttpRequest, case: Case, around: Any = None) -> Any:
    around = around or surroundings(case.account)
    return Paginator(around.contacts, TABLE_PAGE).get_page(request.GET.get("contacts"))
