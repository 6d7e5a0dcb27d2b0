"""Setting the deadlines, and noticing when one has passed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, time, timedelta
from zoneinfo import available_timezones

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from moderation.domain.deadlines import MOST_HOLIDAYS, Terms, WorkingTime
from moderation.domain.vocabulary import Severity
from moderation.models import Breach, Case, DeadlineTerms
from moderation.selectors import terms as select
from moderation.services import breaches
from moderation.services.checks import Entered
from moderation.services.moves import background, person
from staff.capabilities import Capability

LONGEST = 2_000.0
"""Hours. Nearly a year of working days, beyond which a deadline means nothing."""

_CHUNK = 500


def set_terms(
    *,
    actor: Actor,
    hours: Mapping[str, float],
    zone: str,
    days: Collection[int],
    start: time,
    end: time | None,
    holidays: Collection[date],
    note: str,
) -> DeadlineTerms:
    """Set how long cases may wait and when that time runs, from the next wait that begins.

    ``hours`` by severity, more than 0 and at most ``LONGEST``, none longer than that of a lesser
    severity; ``days``: 0 is Monday; ``end`` None is midnight. Cases that wait keep the deadline
    that they have. Raises NotAllowed or InvalidDecision.
    """
    actor.require(Capability.EDIT_THRESHOLDS)
    user = person(actor)
    entered = Entered()
    allowed = {severity: float(hours.get(severity, 0.0)) for severity in Severity}
    for severity, given in allowed.items():
        if not 0 < given <= LONGEST:
            entered.errors[severity] = f"Give a number of hours up to {LONGEST:,.0f}."
    if not entered.errors and not (
        allowed[Severity.CRITICAL] <= allowed[Severity.HIGH] <= allowed[Severity.STANDARD]
    ):
        entered.errors[Severity.CRITICAL] = "What is graver cannot wait longer."
    if zone not in available_timezones():
        entered.errors["zone"] = "Choose one of the time zones offered."
    if not days or not set(days) <= set(range(7)):
        entered.errors["days"] = "Choose one day of the week at least."
    if end is not None and end <= start:
        entered.errors["end"] = "A working day ends after it starts."
    if len(set(holidays)) > MOST_HOLIDAYS:
        entered.errors["holidays"] = f"At most {MOST_HOLIDAYS} holidays can be kept."
    note = entered.text("note", note, missing="Say why the deadlines change.", longest=1_000)
    entered.check()
    terms = Terms(
        allowed={severity: timedelta(hours=given) for severity, given in allowed.items()},
        working=WorkingTime(zone, frozenset(days), start, end, frozenset(holidays)),
    )
    with transaction.atomic():
        before = select.plain(select.current())
        after = select.plain(terms)
        row = DeadlineTerms.objects.create(
            spec=after, note=note, set_by=user, set_at=timezone.now()
        )
        record(
            actor=actor,
            verb="deadlines.set",
            target=f"deadlines:{row.pk}",
            before=before,
            after=after,
            reason=note,
        )
        return row


def record_breaches(*, actor: Actor) -> int:
    """Record every deadline that has passed and was not recorded yet; how many there were.

    Only Sightline itself does this, every few minutes; a decision that comes late before that
    notes it as well. A case counts once for each time it began to wait, whoever holds it. Raises
    NotAllowed.
    """
    background(actor)
    found = 0
    while chunk := _record_some(actor):
        found += chunk
    return found


@transaction.atomic
def _record_some(actor: Actor) -> int:
    now = timezone.now()
    known = Breach.objects.filter(case=OuterRef("pk"), waiting_since=OuterRef("waiting_since"))
    late = list(
        Case.objects.select_for_update(skip_locked=True)
        .filter(~Exists(known), state__in=breaches.WAITING, due_at__lte=now)
        .only("id", "reference", "severity", "state", "waiting_since", "due_at")
        .order_by("id")[:_CHUNK]
    )
    breaches.note(late, actor=actor, now=now)
    return len(late)
