"""Cases that belong together: their accounts approach the same children."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q

from accounts.models import Event
from moderation.access import visible_cases
from moderation.domain.transitions import LIVE_STATES
from moderation.models import Case
from moderation.selectors.queue import with_row_data
from signals.models import EvidenceRow
from staff.models import User

SHARED = 2
"""Children in common that make two cases linked where the engine says nothing: one is chance."""

_TARGETS = 300
_MOST = 30
_OPENING = (Event.Type.OFFER, Event.Type.FOLLOW, Event.Type.CREATE)


@dataclass(frozen=True, slots=True)
class Linked:
    """Another case. ``shared``: people whom both accounts contacted; ``by_engine``: more of them
    than chance explains, says the run."""

    case: Case
    shared: int
    by_engine: bool


def cases(case: Case, user: User) -> list[Linked]:
    """The cases linked with ``case`` that ``user`` may see, the strongest link first.

    Linked are accounts that the run found to approach the same children more than chance explains,
    and live cases whose accounts contacted ``SHARED`` of the same people. Of very many people the
    first ``_TARGETS`` count. Three queries.
    """
    engine = {int(link["account"]) for link in case.assessment.summary.get("linked", ())}
    targets = (
        EvidenceRow.objects.filter(assessment=case.assessment_id, target__isnull=False)
        .order_by()
        .values_list("target", flat=True)
        .distinct()[:_TARGETS]
    )
    meeting = dict(
        Event.objects.filter(object__in=list(targets), type__in=_OPENING)
        .exclude(actor=case.account_id)
        .filter(Q(actor__in=engine) | Q(actor__cases__state__in=LIVE_STATES))
        .order_by()
        .values_list("actor")
        .annotate(shared=Count("object", distinct=True))
    )
    accounts = engine | {account for account, shared in meeting.items() if shared >= SHARED}
    found = with_row_data(visible_cases(user)).filter(account__in=accounts).exclude(pk=case.pk)
    linked = [
        Linked(other, meeting.get(other.account_id, 0), other.account_id in engine)
        for other in found.exclude(account=case.account_id).order_by("-priority", "pk")
    ]
    linked.sort(key=lambda link: (not link.by_engine, -link.shared))
    return linked[:_MOST]
