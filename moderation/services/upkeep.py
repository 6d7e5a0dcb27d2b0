"""What Sightline does to cases by itself as time passes."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from moderation.domain import deadlines, priority
from moderation.domain.transitions import State, Verb
from moderation.domain.vocabulary import Severity
from moderation.models import Case
from moderation.selectors.terms import current as current_terms
from moderation.services import bulk
from moderation.services.moves import background, move, waiting_again

_WAITING = (State.OPEN, State.IN_REVIEW, State.ESCALATED)
_CHUNK = 200


def resume_monitored(*, actor: Actor) -> int:
    """Put every monitored case whose date has come back into the queue; how many there were.

    Only Sightline itself does this, every hour. Raises NotAllowed.
    """
    background(actor)
    with transaction.atomic():
        now = timezone.now()
        ready = list(
            Case.objects.select_for_update(skip_locked=True)
            .filter(state=State.MONITORING, monitor_until__lte=timezone.localdate(now))
            .order_by("id")
        )
        for case in ready:
            move(
                case,
                Verb.RESUME,
                actor=actor,
                reason="the date was reached",
                monitor_until=None,
                **waiting_again(case, Severity(case.severity), now),
            )
    return len(ready)


def reprioritise(*, actor: Actor) -> int:
    """Bring the time waited in every priority up to date; how many cases moved.

    Only Sightline itself does this, every ten minutes. The order of the queue decides nothing
    about a case, so its version stays, and one entry tells of some hundred cases. Few are locked
    at a time: people go on claiming the others. Raises NotAllowed.
    """
    background(actor)
    now, terms = timezone.now(), current_terms()
    behind = [
        case.pk
        for case in _waiting().order_by("-priority", "id")
        if _with_waiting(case, now, terms) != case.priority_factors
    ]
    moved = 0
    for start in range(0, len(behind), _CHUNK):
        moved += _reprioritise(actor, behind[start : start + _CHUNK], now, terms)
    return moved


@transaction.atomic
def _reprioritise(actor: Actor, ids: list[int], now: datetime, terms: deadlines.Terms) -> int:
    cases = list(_waiting().select_for_update(skip_locked=True).filter(pk__in=ids).order_by("id"))
    for case in cases:
        case.priority_factors = _with_waiting(case, now, terms)
        case.priority = priority.priority(case.priority_factors)
    bulk.write(cases, bulk.RANKED)
    if cases:
        told = {"cases": len(cases)}
        record(actor=actor, verb="case.reprioritise", target="queue:cases", after=told)
    return len(cases)


def _waiting() -> QuerySet[Case]:
    return Case.objects.filter(state__in=_WAITING).only(
        "id", "severity", "priority", "priority_factors", "waiting_since", "due_at"
    )


def _with_waiting(case: Case, now: datetime, terms: deadlines.Terms) -> dict[str, float]:
    always = terms.runs_always(Severity(case.severity))
    working = None if always else terms.working
    used = deadlines.share_used(case.waiting_since, case.due_at, now, working)
    return priority.with_waiting(case.priority_factors, used)
