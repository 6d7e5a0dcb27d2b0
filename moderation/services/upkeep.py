"""What Sightline does to cases by itself as time passes."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from moderation.domain import deadlines, priority
from moderation.domain.transitions import State, Verb, find
from moderation.domain.vocabulary import Severity
from moderation.errors import IllegalMove
from moderation.models import Case
from moderation.services import bulk
from moderation.services.moves import background, move, waiting_again

_WAITING = (State.OPEN, State.IN_REVIEW, State.ESCALATED)


def resume_monitored(*, actor: Actor) -> int:
    """Put every monitored case whose date has come back into the queue; how many there were.

    Only Sightline itself does this, every hour. Raises NotAllowed.
    """
    background(actor)
    transition = find(Verb.RESUME, State.MONITORING)
    if transition is None:
        raise IllegalMove(state=State.MONITORING, verb=Verb.RESUME)
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
                transition,
                actor=actor,
                now=now,
                reason="the date was reached",
                monitor_until=None,
                **waiting_again(case, Severity(case.severity), now),
            )
    return len(ready)


def reprioritise(*, actor: Actor) -> int:
    """Bring the time waited in every priority up to date; how many cases moved.

    Only Sightline itself does this, every ten minutes. The order of the queue decides nothing
    about a case, so its version stays, and one entry tells of the whole sweep. Raises NotAllowed.
    """
    background(actor)
    with transaction.atomic():
        now = timezone.now()
        moved = []
        waiting = (
            Case.objects.select_for_update(skip_locked=True)
            .filter(state__in=_WAITING)
            .only("id", "priority", "priority_factors", "waiting_since", "due_at")
            .order_by("id")
        )
        for case in waiting:
            used = deadlines.share_used(case.waiting_since, case.due_at, now)
            named = priority.with_waiting(case.priority_factors, used)
            if named != case.priority_factors:
                case.priority_factors = named
                case.priority = priority.priority(named)
                moved.append(case)
        bulk.write(moved, bulk.RANKED)
        if moved:
            record(
                actor=actor,
                verb="case.reprioritise",
                target="queue:cases",
                after={"cases": len(moved)},
            )
    return len(moved)
