"""Asking the platform to make sure of an account's age, and recording what it answers."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone

from accounts.models import Account
from audit.actors import Actor
from audit.services import record
from moderation.domain.age_checks import REASON, REQUESTED, AgeAnswer, answer_of
from moderation.domain.transitions import UNDO_WITHIN, State, Verb
from moderation.domain.vocabulary import Severity
from moderation.errors import AgeAsked, NoAgeCheck
from moderation.models import AgeCheck, Case, Decision, Delivery
from moderation.selectors.age_checks import latest, pending, why_not
from moderation.selectors.people import band_on
from moderation.services import outbox, webhooks
from moderation.services.checks import Entered
from moderation.services.decisions import set_aside
from moderation.services.moves import (
    Turn,
    background,
    begin,
    lock,
    move,
    person,
    target,
    waiting_again,
)
from staff.capabilities import Capability
from staff.models import User


def ask(*, actor: Actor, case_id: int, version: int, until: date, note: str) -> Case:
    """Ask for the age of a held case's account to be made sure of, and set the case aside.

    The case comes back with the answer, on ``until`` (at most a year away) without one, or when
    its points rise. The request leaves once the decision can no longer be taken back; where the
    platform has no address in the settings nothing leaves, and a person asks. Raises NotAllowed,
    CaseTaken, StaleCase, IllegalMove, LeaseLapsed, AgeAsked or InvalidDecision.
    """
    with transaction.atomic():
        turn = begin(
            actor=actor,
            case_id=case_id,
            verb=Verb.MONITOR,
            source=State.IN_REVIEW,
            version=version,
        )
        case = turn.case
        if why := why_not(case.account, latest(case.account_id)):
            raise AgeAsked(reference=case.reference, why=why)
        decision = set_aside(turn, until=until, note=note, reason=REASON)
        check = AgeCheck.objects.create(
            case=case,
            account_id=case.account_id,
            decision=decision,
            until=until,
            asked_by=turn.user,
            asked_at=turn.now,
        )
        record(
            actor=actor,
            verb="age_check.ask",
            target=target(case),
            after={"age_check": check.pk, "until": until},
        )
        if webhooks.has_address():
            outbox.queue(
                key=f"{REQUESTED}:{check.pk}",
                kind=Delivery.Kind.WEBHOOK,
                payload={"type": REQUESTED},
                leaves_at=turn.now + UNDO_WITHIN,
                asked_by=turn.user,
                age_check=check,
                decision=decision,
            )
        return case


def answer(*, actor: Actor, case_id: int, answer: str, note: str) -> Case:
    """Record by hand what the platform answered about a case's account; the case comes back.

    ``answer`` is a code of ``AgeAnswer``, ``note`` says how the person knows. The recorded age
    itself comes with an import, as always. Raises NotAllowed, NoAgeCheck, InvalidDecision (fields
    "answer" and "note") or Case.DoesNotExist.
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    entered = Entered()
    answer = entered.code("answer", answer, AgeAnswer)
    note = entered.text("note", note, missing="Say how you know.")
    entered.check()
    with transaction.atomic():
        case = lock(case_id)
        check = pending(case.account_id).select_for_update(of=("self",)).filter(case=case).first()
        if check is None:
            raise NoAgeCheck(reference=case.reference)
        _answered(check, case, AgeAnswer(answer), actor=actor, user=user, note=note)
        return case


def settle(*, actor: Actor) -> int:
    """Record the answers that imports have brought: ages that are verified now. How many.

    Only Sightline itself does this, every minute. Raises NotAllowed.
    """
    background(actor)
    waiting = AgeCheck.objects.filter(
        answered_at=None,
        withdrawn_at=None,
        account__age_source=Account.AgeSource.VERIFIED,
    )
    ids = list(waiting.order_by("pk").values_list("pk", flat=True))
    return sum(_settle(actor, pk) for pk in ids)


@transaction.atomic
def _settle(actor: Actor, check_id: int) -> bool:
    case = Case.objects.select_for_update().get(age_checks=check_id)
    check = AgeCheck.objects.select_for_update().select_related("account").get(pk=check_id)
    found = answer_of(band_on(check.account, None), check.account.age_source)
    if found is None or check.answered_at is not None or check.withdrawn_at is not None:
        return False
    _answered(check, case, found, actor=actor, user=None, note=None)
    return True


def _answered(
    check: AgeCheck,
    case: Case,
    found: AgeAnswer,
    *,
    actor: Actor,
    user: User | None,
    note: str | None,
) -> None:
    now = timezone.now()
    check.answer, check.answered_by, check.answered_at, check.note = found, user, now, note
    check.save(update_fields=["answer", "answered_by", "answered_at", "note"])
    outbox.withdraw(check.decision)
    record(
        actor=actor,
        verb="age_check.answer",
        target=target(case),
        after={"age_check": check.pk, "answer": found},
    )
    if _waits_for(check, case):
        move(
            case,
            Verb.RESUME,
            actor=actor,
            reason="the age check was answered",
            monitor_until=None,
            **waiting_again(case, Severity(case.severity), now),
        )


def _waits_for(check: AgeCheck, case: Case) -> bool:
    """Whether the case is still set aside by the decision that asked."""
    last = Decision.objects.filter(case=case).order_by("-case_version").first()
    return case.state == State.MONITORING and last == check.decision


def take_back(turn: Turn, decision: Decision) -> None:
    """Withdraw the age check that ``decision`` asked for, because it is taken back itself.

    After ``departures.recall`` has seen to it that nothing has left.
    """
    check = AgeCheck.objects.select_for_update().filter(decision=decision).first()
    if check is not None:
        _withdraw(check, turn.case, turn.actor)


def end_waiting(case: Case, by: Actor) -> None:
    """Withdraw the age check of a locked case that waits for its answer: the case is emptied.

    In the transaction of the service that empties it, which authorises.
    """
    check = pending(case.account_id).select_for_update(of=("self",)).filter(case=case).first()
    if check is not None:
        outbox.withdraw(check.decision)
        _withdraw(check, case, by)


def _withdraw(check: AgeCheck, case: Case, actor: Actor) -> None:
    check.withdrawn_at = timezone.now()
    check.save(update_fields=["withdrawn_at"])
    record(
        actor=actor,
        verb="age_check.withdraw",
        target=target(case),
        after={"age_check": check.pk},
    )
