"""What the person who holds a case decides about it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from django.db import transaction
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from moderation.domain.transitions import State, Verb
from moderation.domain.vocabulary import DismissReason
from moderation.models import Case, Decision, Draft, Note
from moderation.services import exemptions, second_looks
from moderation.services.checks import Entered
from moderation.services.moves import Turn, begin, decide, ended, lock, person, target
from staff.capabilities import Capability

SAY_WHY = "Say why, in a sentence or two."


def dismiss(
    *,
    actor: Actor,
    case_id: int,
    version: int,
    reason: str,
    note: str,
    exempt_until: date | None = None,
) -> Case:
    """Close a held case: no reason for concern, or not enough to go on.

    ``reason`` is a code of ``DismissReason``, ``version`` the one that the page showed. With
    ``exempt_until`` no run flags the account before that day (``moderation.domain.exemptions``).
    Raises NotAllowed, CaseTaken, StaleCase, IllegalMove, LeaseLapsed or InvalidDecision.
    """
    with transaction.atomic():
        turn = begin(
            actor=actor,
            case_id=case_id,
            verb=Verb.DISMISS,
            source=State.IN_REVIEW,
            version=version,
        )
        decision = close(turn, reason=reason, note=note, exempt_until=exempt_until)
        second_looks.choose(turn, decision)
        return turn.case


def close(turn: Turn, *, reason: str, note: str, exempt_until: date | None) -> Decision:
    """Dismiss the case, whoever's turn it is. Raises InvalidDecision."""
    entered = Entered()
    reason = entered.code("reason", reason, DismissReason)
    note = entered.text("note", note, missing=SAY_WHY)
    exemptions.check(entered, turn, reason=reason, until=exempt_until)
    entered.check()
    decision = decide(turn, note=note, reason=reason, **ended(turn))
    exemptions.grant(turn, decision, exempt_until)
    return decision


def monitor(*, actor: Actor, case_id: int, version: int, until: date, note: str) -> Case:
    """Set a held case aside until a date, at most a year away, or until its score rises.

    Raises NotAllowed, CaseTaken, StaleCase, IllegalMove, LeaseLapsed or InvalidDecision.
    """
    with transaction.atomic():
        turn = begin(
            actor=actor,
            case_id=case_id,
            verb=Verb.MONITOR,
            source=State.IN_REVIEW,
            version=version,
        )
        second_looks.choose(turn, set_aside(turn, until=until, note=note))
        return turn.case


def set_aside(turn: Turn, *, until: date, note: str, reason: str = "") -> Decision:
    """Let the case wait until a date, for ``reason`` or none. Raises InvalidDecision."""
    entered = Entered()
    until = entered.future("until", until, timezone.localdate(turn.now))
    note = entered.text("note", note, missing=SAY_WHY)
    entered.check()
    return decide(
        turn,
        note=note,
        reason=reason,
        details={"until": until.isoformat()},
        monitor_until=until,
        **ended(turn),
        due_at=datetime.combine(until, time.min, tzinfo=UTC),
    )


def add_note(*, actor: Actor, case_id: int, text: str) -> Case:
    """Leave a remark on a case, whoever holds it and whatever its state.

    The case's version stays: a remark makes nobody's page stale. Raises NotAllowed or
    InvalidDecision (field "text").
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    with transaction.atomic():
        case = lock(case_id)
        entered = Entered()
        text = entered.text("text", text, missing="Write the note first.")
        entered.check()
        note = Note.objects.create(case=case, text=text, by=user, at=timezone.now())
        Draft.objects.filter(case=case, by=user, form="note").delete()
        record(actor=actor, verb="case.note", target=target(case), after={"note": note.pk})
        return case
