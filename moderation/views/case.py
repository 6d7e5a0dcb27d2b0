"""The case page: who and why, the pictures, the history and the decision panel."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe

from moderation import pictures
from moderation.access import case_or_404
from moderation.forms import CaseForm, RevealForm
from moderation.models import Case, Referral, Reveal
from moderation.replay import Replay
from moderation.score_history import score_picture
from moderation.selectors import case as select
from moderation.selectors import revealed
from moderation.selectors.contacts import Surroundings
from moderation.selectors.surroundings import around_case, own_cases, ties_between
from moderation.selectors.timeline import history
from moderation.views.answers import person, wants_part
from moderation.views.panel import WORDING, panel, seconds_to
from moderation.views.rows import row_of
from signals.networks import Kind
from staff.capabilities import Capability
from staff.errors import Refused
from staff.views import require

TABLE_PAGE = 50
_REVEALS = "reveals"
"""In the session: which reveal shows which case's names. They go with the session."""


@require(Capability.VIEW_CASES)
@require_safe
def case_page(request: HttpRequest, reference: str) -> HttpResponse:
    """A case, or for htmx a part of its page: rows of evidence, people of the table, the hold."""
    case = case_or_404(person(request), reference, "account", "assessment__run__thresholds")
    if wants_part(request) and "evidence" in request.GET:
        return evidence_part(request, case, request.GET["evidence"])
    if wants_part(request) and "contacts" in request.GET:
        replay = Replay(around_case(case), _until(request))
        contacts = _contacts_page(request, replay)
        shown = reveal_in_sight(request, case)
        context = {"case": case, "contacts": contacts, "names": _names(shown, contacts)}
        context |= _until_words(replay)
        return render(request, "moderation/case_contacts.html", context)
    if wants_part(request) and "lease" in request.GET:
        return render(request, "moderation/case_panel.html#lease", panel_context(request, case))
    return render(request, "moderation/case.html", page_context(request, case))


def evidence_part(request: HttpRequest, case: Case, indicator: str) -> HttpResponse:
    """The rows behind one sentence."""
    reason = _reason(case, indicator)
    if reason is None:
        raise Http404("There is no such sentence on this case.")
    people = around_case(case).people
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
    around: Surroundings | None = None,
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
            around=around,
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
    around = around_case(case)
    reveal = reveal_in_sight(request, case)
    replay = Replay(around, _until(request))
    contacts = _contacts_page(request, replay) if "contacts" in request.GET else None
    shown = pictures.shown_members(around)
    told = history(case)
    keys = [contact.person.key for contact in shown]
    ties = ties_between(keys)
    flagged = own_cases(person(request), keys)
    network = pictures.network_picture(around, shown, ties, replay, flagged)
    timeline = pictures.timeline_picture(around.children, replay)
    reason = _reason(case, request.GET.get("evidence", ""))
    return panel_context(request, case, tried=tried, refusal=refusal, around=around) | {
        "account": select.profile(case.account, named=reveal is not None),
        "explanation": select.explanation(case.assessment),
        "fallen": select.fallen(case),
        "evidence": select.evidence(case, reason, around.people) if reason else None,
        "around": around,
        "replay": replay,
        "replay_data": _replay_data(replay, network, timeline),
        "network": network,
        "timeline": timeline,
        **_until_words(replay),
        "contacts": contacts,
        "reveal": reveal,
        "reveal_seconds": seconds_to(reveal.ends_at, timezone.now()) if reveal else 0,
        "reveal_form": _reveal_form(request, case, around, tried),
        "names": _names(reveal, contacts),
        "history": told,
        "score": score_picture([(row[0], row[1]) for row in told.scores]),
        "referral": Referral.objects.filter(case=case).select_related("approved_by").first(),
    }


def remember_reveal(request: HttpRequest, shown: Reveal) -> None:
    """Show the names of this reveal in this session, and in no other."""
    request.session[_REVEALS] = request.session.get(_REVEALS, {}) | {str(shown.case_id): shown.pk}


def forget_reveal(request: HttpRequest, case: Case) -> None:
    """Show no names of this case in this session any more."""
    kept = request.session.get(_REVEALS, {})
    request.session[_REVEALS] = {key: pk for key, pk in kept.items() if key != str(case.pk)}


def reveal_in_sight(request: HttpRequest, case: Case) -> Reveal | None:
    """The reveal under which this session sees the names of the case now."""
    reveal_id = request.session.get(_REVEALS, {}).get(str(case.pk))
    return revealed.live_reveal(person(request), case, reveal_id, timezone.now())


def _reveal_form(
    request: HttpRequest, case: Case, around: Surroundings, tried: CaseForm | None
) -> RevealForm | None:
    """Where there are names to reveal and the person works on the case."""
    if not around.knows_children and not select.is_recorded_minor(case.account):
        return None
    if not revealed.in_hand(person(request), case, timezone.now()):
        return None
    return tried if isinstance(tried, RevealForm) else RevealForm()


def _names(reveal: Reveal | None, contacts: Any) -> dict[int, revealed.Identity]:
    """Who the children of this page of people are; nothing without a reveal."""
    if reveal is None or contacts is None:
        return {}
    children = [c.person.key for c in contacts if c.person.kind is Kind.CHILD]
    return revealed.identities(children)


def _reason(case: Case, indicator: str) -> select.Reason | None:
    reasons = select.explanation(case.assessment).reasons
    return next((r for r in reasons if r.indicator == indicator and r.rows), None)


def _contacts_page(request: HttpRequest, replay: Replay) -> Any:
    return Paginator(replay.past.contacts, TABLE_PAGE).get_page(request.GET.get("contacts"))


def _until(request: HttpRequest) -> date | None:
    """The day that the address asks for. One that is no day, or has not ended, means today."""
    try:
        day = parse_date(request.GET.get("until", ""))
    except ValueError:
        return None
    return day if day is not None and day < timezone.now().date() else None


def _until_words(replay: Replay) -> dict[str, Any]:
    query = f"&until={replay.until.isoformat()}" if replay.until else ""
    return {"until_query": query, "until_day": replay.until}


def _replay_data(
    replay: Replay,
    network: pictures.NetworkPicture,
    timeline: pictures.TimelinePicture | None,
) -> dict[str, Any]:
    """What the slider's script reads: each step's day, sentence and place in the timeline."""
    return {
        "days": [day.isoformat() for day in replay.days],
        "named": [f"{day:%-d %B %Y}" for day in replay.days],
        "words": replay.words,
        "at": timeline.days if timeline else [],
        "ties": network.all_ties,
    }
