"""What every service on a case shares: lock, check, move, record.

Locks are taken in one order everywhere: rows of cases first, in the order of their ids, then
whatever is inserted, then the audit trail (``record`` holds its lock until the commit, so nothing
waits for a row after it). What an insertion refers to counts too: a foreign key looks at its row
when the transaction commits, and waits for whoever holds that row's key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from audit.services import record
from moderation.domain import deadlines, priority
from moderation.domain.transitions import State, Transition, Verb, find
from moderation.domain.vocabulary import Severity
from moderation.errors import CaseTaken, FourEyes, IllegalMove, LeaseLapsed
from moderation.models import Case, Decision, Draft
from moderation.selectors import terms
from moderation.services import breaches
from moderation.services.stale import check_version
from staff.errors import NotAllowed
from staff.models import User

LEASE = timedelta(minutes=20)

# What an entry says before and after, where it changed: identifiers and numbers only.
_TOLD = (
    "severity",
    "points",
    "assessment_id",
    "holder_id",
    "escalated_by_id",
    "referred_by_id",
    "monitor_until",
    "due_at",
)

RESTORED = (
    "severity",
    "priority",
    "priority_factors",
    "waiting_since",
    "due_at",
    "monitor_until",
    "points_when_decided",
    "decided_at",
    "escalated_by_id",
    "escalated_at",
)
"""The columns that a decision may change and taking it back restores."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A decision that may be taken: by whom, on which locked case, by which move, at what time."""

    actor: Actor
    user: User
    case: Case
    transition: Transition
    now: datetime


def person(actor: Actor) -> User:
    """The member of staff who acts. Raises NotAllowed for the system or a key: people decide."""
    if actor.user is None:
        raise NotAllowed(f"{actor.label} may not work on cases: a person does that, by name.")
    return actor.user


def background(actor: Actor) -> None:
    """Raise NotAllowed unless Sightline itself acts: sweeps are nobody's decision."""
    if actor.role != "system":
        raise NotAllowed(f"{actor.label} may not do what Sightline does by itself.")


def target(case: Case) -> str:
    """How the audit trail names a case."""
    return f"case:{case.reference}"


def lock(case_id: int) -> Case:
    """The case, locked until the transaction ends. Raises Case.DoesNotExist."""
    return Case.objects.select_for_update().get(pk=case_id)


def begin(*, actor: Actor, case_id: int, verb: Verb, source: State, version: int) -> Turn:
    """Authorise a decision, lock its case and check that it may be taken on it as it stands.

    Raises NotAllowed, CaseTaken, StaleCase, IllegalMove, LeaseLapsed, FourEyes or
    Case.DoesNotExist.
    """
    transition = find(verb, source)
    if transition is None or transition.capability is None:
        raise IllegalMove(state=source, verb=verb)
    actor.require(transition.capability)
    user = person(actor)
    case = lock(case_id)
    # After the lock: whoever held it may have kept this waiting.
    now = timezone.now()
    held_elsewhere = case.state == State.IN_REVIEW and case.holder_id != user.pk
    if transition.needs_lease and held_elsewhere:
        raise taken(case)
    check_version(case, version)
    if case.state != source:
        raise IllegalMove(state=State(case.state), verb=verb, reference=case.reference)
    if transition.needs_lease and not case.is_held_by(user, now):
        raise LeaseLapsed(reference=case.reference, ended_at=case.lease_expires_at or now)
    if transition.four_eyes and case.was_escalated_by(user):
        raise FourEyes(reference=case.reference)
    return Turn(actor=actor, user=user, case=case, transition=transition, now=now)


def taken(case: Case) -> CaseTaken:
    """The refusal that says who holds ``case``, which is in review."""
    holder = case.holder
    return CaseTaken(
        holder_name=holder.name if holder else "",
        since=case.claimed_at or case.updated_at,
        reference=case.reference,
    )


def move(
    case: Case,
    verb: Verb,
    *,
    actor: Actor,
    reason: str = "",
    told: dict[str, Any] | None = None,
    **changes: Any,
) -> Entry:
    """Make one move on a locked case, with ``changes`` to its columns, and record it.

    ``told`` goes into the entry beside what changed. Raises IllegalMove.
    """
    transition = find(verb, State(case.state))
    if transition is None:
        raise IllegalMove(state=State(case.state), verb=verb, reference=case.reference)
    before = _telling(case)
    case.state = transition.target
    case.version += 1
    if transition.target != State.IN_REVIEW:
        case.holder = None
        case.lease_expires_at = None
        case.claimed_at = None
    for name, value in changes.items():
        setattr(case, name, value)
    case.save()
    after = _telling(case)
    same = {name for name in _TOLD if before[name] == after[name]}
    return record(
        actor=actor,
        verb=f"case.{transition.verb}",
        target=target(case),
        before={name: value for name, value in before.items() if name not in same},
        after={name: value for name, value in after.items() if name not in same} | (told or {}),
        reason=reason,
    )


def decide(
    turn: Turn,
    *,
    note: str,
    reason: str = "",
    details: dict[str, Any] | None = None,
    **changes: Any,
) -> Decision:
    """Make a move that a person decided, and keep the decision with what was on the screen.

    The note stays out of the audit trail: people write names into notes.
    """
    case, verb = turn.case, turn.transition.verb
    seen = {"points": case.points, "assessment_id": case.assessment_id}
    Draft.objects.filter(case=case, by=turn.user).exclude(form="note").delete()
    restores = _restorable(case) if _can_be_taken_back(turn.transition) else None
    breaches.note_if_late(case, now=turn.now)
    entry = move(case, verb, actor=turn.actor, reason=reason, told=seen, **changes)
    return Decision.objects.create(
        case=case,
        case_version=case.version,
        verb=verb,
        reason=reason,
        note=note,
        details=details or {},
        by=turn.user,
        at=turn.now,
        entry=entry,
        restores=restores,
        **seen,
    )


def _can_be_taken_back(transition: Transition) -> bool:
    back = find(Verb.UNDO, transition.target)
    return back is not None and back.target is transition.source


def _restorable(case: Case) -> dict[str, Any]:
    """What ``undo.undo`` puts back. Times as text, to the microsecond."""
    values = {name: getattr(case, name) for name in RESTORED}
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in values.items()
    }


def ended(turn: Turn) -> dict[str, Any]:
    """The columns that remember when a case was decided, and on how many points."""
    return {"points_when_decided": turn.case.points, "decided_at": turn.now}


def waiting_again(case: Case, severity: Severity, now: datetime) -> dict[str, Any]:
    """The columns of a case whose clock starts again at ``now``: deadline and priority."""
    named = priority.with_waiting(case.priority_factors, 0.0)
    return {
        "severity": severity,
        "waiting_since": now,
        "due_at": deadlines.due(now, severity, terms.current()),
        "priority_factors": named,
        "priority": priority.priority(named),
    }


def _telling(case: Case) -> dict[str, Any]:
    told = {name: getattr(case, name) for name in _TOLD}
    return {"state": case.state, "version": case.version} | told
