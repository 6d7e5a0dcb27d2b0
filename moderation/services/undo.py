"""Taking a decision back: within ten minutes, by whoever took it, while nothing has left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.actors import Actor
from moderation.domain.age_checks import REASON
from moderation.domain.drafts import FIELDS, words
from moderation.domain.transitions import UNDO_WITHIN, State, Verb, find
from moderation.errors import CannotUndo, IllegalMove
from moderation.models import Case, Decision, Draft
from moderation.services import age_checks, departures, exemptions, second_looks
from moderation.services.moves import LEASE, RESTORED, Turn, decide, lock, person
from moderation.services.stale import check_version
from staff.capabilities import Capability
from staff.models import User


def _as_it_is(value: Any) -> Any:
    return value


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _day(value: str | None) -> date | None:
    return None if value is None else date.fromisoformat(value)


_READ: dict[str, Callable[[Any], Any]] = {
    "waiting_since": _time,
    "due_at": _time,
    "monitor_until": _day,
    "decided_at": _time,
    "escalated_at": _time,
}


def undo(*, actor: Actor, case_id: int, version: int) -> Case:
    """Take back one's own decision on a case, which is then in review again, held by oneself.

    Dismissals, monitorings and escalations of a held case can be taken back for ``UNDO_WITHIN``,
    unless the case has changed since or something has left the house (``departures``). What was
    written comes back as a draft. Raises NotAllowed, StaleCase, IllegalMove, CannotUndo or
    Case.DoesNotExist.
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    with transaction.atomic():
        case = lock(case_id)
        now = timezone.now()
        check_version(case, version)
        back = find(Verb.UNDO, State(case.state))
        if back is None:
            raise IllegalMove(state=State(case.state), verb=Verb.UNDO, reference=case.reference)
        decision = _own_decision(case, user, now)
        if left := departures.recall(case, decision):
            raise CannotUndo(reference=case.reference, why=left)
        turn = Turn(actor=actor, user=user, case=case, transition=back, now=now)
        _restore(turn, decision)
        age_checks.take_back(turn, decision)
        exemptions.take_back(turn, decision)
        second_looks.take_back(decision)
        _draft_again(case, user, decision, now)
        return case


def _own_decision(case: Case, user: User, now: datetime) -> Decision:
    decision = Decision.objects.filter(case=case, case_version=case.version).first()
    if decision is None or decision.restores is None:
        why = "Only what was just decided on a held case can be taken back."
    elif decision.by_id != user.pk:
        why = f"Only {decision.by.name}, who decided, can take it back."
    elif now - decision.at >= UNDO_WITHIN:
        why = f"It can be taken back for {UNDO_WITHIN.seconds // 60} minutes."
    else:
        return decision
    raise CannotUndo(reference=case.reference, why=why)


def _restore(turn: Turn, decision: Decision) -> None:
    """Move the case back with every column that the decision changed."""
    before = decision.restores or {}
    columns = {name: _READ.get(name, _as_it_is)(before[name]) for name in RESTORED}
    decide(
        turn,
        note="",
        details={"undone": decision.verb},
        holder=turn.user,
        lease_expires_at=turn.now + LEASE,
        claimed_at=turn.now,
        **columns,
    )


def _draft_again(case: Case, user: User, decision: Decision, now: datetime) -> None:
    form = REASON if decision.reason == REASON else decision.verb
    if form not in FIELDS:
        return
    given = {"reason": decision.reason, "note": decision.note} | decision.details
    Draft.objects.update_or_create(
        case=case,
        by=user,
        form=form,
        defaults={"words": words(form, given), "updated_at": now},
    )
