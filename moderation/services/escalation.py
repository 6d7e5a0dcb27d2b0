"""Handing a grave case to a supervisor, and what the supervisor makes of it: four eyes."""

from __future__ import annotations

from datetime import date

from django.db import transaction

from audit.actors import Actor
from moderation.domain.transitions import State, Verb
from moderation.domain.vocabulary import Severity
from moderation.models import Case, Decision, Referral
from moderation.services.checks import ASK_LENGTH, Entered
from moderation.services.decisions import SAY_WHY, close
from moderation.services.moves import begin, decide, ended, waiting_again


def escalate(
    *, actor: Actor, case_id: int, version: int, severity: str, note: str, ask: str
) -> Case:
    """Hand a held case to the supervisors, who have the time that ``severity`` gives them.

    ``note`` is the summary, ``ask`` what the supervisor is asked for.
    Raises NotAllowed, CaseTaken, StaleCase, IllegalMove, LeaseLapsed or InvalidDecision.
    """
    with transaction.atomic():
        turn = begin(
            actor=actor,
            case_id=case_id,
            verb=Verb.ESCALATE,
            source=State.IN_REVIEW,
            version=version,
        )
        entered = Entered()
        severity = entered.code("severity", severity, Severity)
        note = entered.text("note", note, missing="Sum up what you found.")
        ask = entered.text(
            "ask", ask, missing="Say what you ask the supervisor to do.", longest=ASK_LENGTH
        )
        entered.check()
        decide(
            turn,
            note=note,
            details={"severity": severity, "ask": ask},
            escalated_by=turn.user,
            escalated_at=turn.now,
            **waiting_again(turn.case, Severity(severity), turn.now),
        )
        return turn.case


def refer(*, actor: Actor, case_id: int, version: int, note: str) -> Case:
    """Approve the referral of an escalated case to the police; this ends the case.

    Never by anyone who has escalated it. Raises NotAllowed, StaleCase, IllegalMove, FourEyes or
    InvalidDecision.
    """
    with transaction.atomic():
        turn = begin(
            actor=actor,
            case_id=case_id,
            verb=Verb.REFER,
            source=State.ESCALATED,
            version=version,
        )
        entered = Entered()
        note = entered.text("note", note, missing=SAY_WHY)
        entered.check()
        request = Decision.objects.filter(case=turn.case, verb=Verb.ESCALATE).latest("case_version")
        decide(
            turn,
            note=note,
            referred_by=turn.user,
            **ended(turn),
        )
        Referral.objects.create(
            case=turn.case,
            state=Referral.State.APPROVED,
            requested_by=request.by,
            approved_by=turn.user,
            summary=request.note,
            approved_at=turn.now,
        )
        return turn.case


def send_back(*, actor: Actor, case_id: int, version: int, note: str) -> Case:
    """Return an escalated case to the queue with a question; anyone may take it next.

    ``note`` is the question. The case keeps its severity and its time starts again. Never by
    anyone who has escalated it. Raises NotAllowed, StaleCase, IllegalMove, FourEyes or
    InvalidDecision.
    """
    with transaction.atomic():
        turn = begin(
            actor=actor,
            case_id=case_id,
            verb=Verb.RETURN,
            source=State.ESCALATED,
            version=version,
        )
        entered = Entered()
        note = entered.text("note", note, missing="Ask what you want to know.")
        entered.check()
        decide(
            turn,
            note=note,
            **waiting_again(turn.case, Severity(turn.case.severity), turn.now),
        )
        return turn.case


def dismiss(
    *,
    actor: Actor,
    case_id: int,
    version: int,
    reason: str,
    note: str,
    exempt_until: date | None = None,
) -> Case:
    """Close an escalated case as a supervisor. Never by anyone who has escalated it.

    ``exempt_until`` as in ``decisions.dismiss``.
    Raises NotAllowed, StaleCase, IllegalMove, FourEyes or InvalidDecision.
    """
    with transaction.atomic():
        turn = begin(
            actor=actor,
            case_id=case_id,
            verb=Verb.DISMISS,
            source=State.ESCALATED,
            version=version,
        )
        close(turn, reason=reason, note=note, exempt_until=exempt_until)
        return turn.case
