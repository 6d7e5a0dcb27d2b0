"""How complete the tip is that a case would make: what the meter measures."""

from __future__ import annotations

from django.db.models import Max, Min

from moderation.domain.completeness import Completeness, Tip, completeness
from moderation.domain.transitions import Verb
from moderation.models import Case, Decision
from moderation.selectors import undo
from moderation.selectors.surroundings import around_case
from signals.models import EvidenceRow


def meter(case: Case) -> Completeness:
    """What a referral of ``case`` would have and lack as things stand. Nine queries."""
    return completeness(tip_of(case))


def tip_of(case: Case) -> Tip:
    """What is known about ``case``, from its account, its assessment and its last escalation."""
    account = case.account
    rows = EvidenceRow.objects.filter(assessment=case.assessment_id)
    times = rows.aggregate(first=Min("at"), last=Max("at"))
    decisions = undo.standing(Decision.objects.filter(case=case).order_by("-case_version"))
    escalation = next((d for d in decisions if d.verb == Verb.ESCALATE), None)
    aged = account.birth_date or account.birth_year or account.age_band not in {"", "unknown"}
    return Tip(
        display_name=account.display_name,
        region=account.region,
        age_known=bool(aged),
        created=account.created_at is not None,
        children=case.minors,
        accepted=sum(child.accepted for child in around_case(case).children),
        first=times["first"],
        last=times["last"],
        sentences=sum(
            bool(said.get("rows"))
            for said in case.assessment.contributions
            if said.get("direction") == "raises"
        ),
        summary=escalation.note if escalation else "",
        ask=str(escalation.details.get("ask", "")) if escalation else "",
    )
