"""Looking after those who do this work: limits of a shift, skipping, leaving out, ending.

What a person leaves out, skips or carries is nobody's business: entries of the trail say that
something was chosen, never what.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from moderation.domain.care import Category
from moderation.domain.transitions import State, Verb
from moderation.errors import IllegalMove, InvalidDecision, LeaseLapsed, ShiftFull
from moderation.models import CareChoice, CareTerms, Case, Exposure, Shift
from moderation.selectors import care as select
from moderation.services.checks import Entered
from moderation.services.moves import background, lock, move, person, taken
from staff.capabilities import Capability
from staff.models import User

MOST = 1_000
"""Of anything in one shift: beyond it a limit limits nothing."""


def skip(*, actor: Actor, case_id: int) -> Case:
    """Give a held case back and see it no more in this shift. No reason is asked or kept.

    In the trail it is a release like any other. Raises NotAllowed, CaseTaken, LeaseLapsed or
    IllegalMove.
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    with transaction.atomic():
        case = lock(case_id)
        now = timezone.now()
        if case.state != State.IN_REVIEW:
            raise IllegalMove(state=State(case.state), verb=Verb.RELEASE, reference=case.reference)
        if case.holder_id != user.pk:
            raise taken(case)
        if not case.is_held_by(user, now):
            raise LeaseLapsed(reference=case.reference, ended_at=case.lease_expires_at or now)
        shift = _shift(user, now)
        Exposure.objects.update_or_create(
            shift=shift,
            case=case,
            sort=Exposure.Sort.CASE,
            defaults={"skipped": True},
            create_defaults={"skipped": True, "severity": case.severity, "at": now},
        )
        move(case, Verb.RELEASE, actor=actor)
        return case


def go_on(*, actor: Actor) -> Shift:
    """Go on a little although a limit is reached. Raises NotAllowed."""
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    with transaction.atomic():
        shift = _shift(user, timezone.now())
        Shift.objects.filter(pk=shift.pk).update(further=F("further") + 1)
        record(actor=actor, verb="care.go_on", target=f"staff:{user.pk}")
        shift.refresh_from_db()
        return shift


def end_shift(*, actor: Actor) -> Shift | None:
    """End the shift and give back every case that the person holds. None where none was running.

    Raises NotAllowed.
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    with transaction.atomic():
        held = Case.objects.select_for_update().filter(state=State.IN_REVIEW, holder=user)
        cases = list(held.order_by("pk"))
        shift = Shift.objects.select_for_update().filter(user=user, ended_at=None).first()
        if shift is not None:
            shift.ended_at = timezone.now()
            shift.save(update_fields=["ended_at"])
        for case in cases:
            move(case, Verb.RELEASE, actor=actor)
        record(actor=actor, verb="care.end_shift", target=f"staff:{user.pk}")
        return shift


def choose(*, actor: Actor, left_out: Collection[str]) -> CareChoice:
    """Leave categories of cases to others, from the next case on. Raises NotAllowed,
    InvalidDecision (field "left_out").
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    if not set(left_out) <= {category.value for category in Category}:
        raise InvalidDecision({"left_out": "Choose from the categories offered."})
    with transaction.atomic():
        choice, _ = CareChoice.objects.update_or_create(
            user=user, defaults={"left_out": sorted(set(left_out))}
        )
        record(actor=actor, verb="care.choose", target=f"staff:{user.pk}")
        return choice


def set_terms(*, actor: Actor, cases: int, critical: int, reveals: int, contacts: str) -> CareTerms:
    """Set the limits of a shift and whom to talk to, for everybody, from now on.

    Raises NotAllowed or InvalidDecision.
    """
    actor.require(Capability.MANAGE_STAFF)
    user = person(actor)
    entered = Entered()
    given = {"cases": cases, "critical": critical, "reveals": reveals}
    for name, number in given.items():
        if not 1 <= number <= MOST:
            entered.errors[name] = f"Give a number from 1 to {MOST:,}."
    contacts = entered.text(
        "contacts", contacts, missing="Say whom people can talk to.", longest=1_000
    )
    entered.check()
    with transaction.atomic():
        latest = select.terms()
        before = {name: getattr(latest, name) for name in given} if latest else {}
        row = CareTerms.objects.create(
            **given, contacts=contacts, set_by=user, set_at=timezone.now()
        )
        record(
            actor=actor, verb="care.set_terms", target=f"care:{row.pk}", before=before, after=given
        )
        return row


def forget_shifts(*, actor: Actor) -> int:
    """Remove shifts that began so long ago that they help nobody any more; how many there were.

    What somebody carried is theirs alone, and is not kept. Only Sightline itself does this, every
    day. Raises NotAllowed.
    """
    background(actor)
    with transaction.atomic():
        oldest = timezone.now() - timedelta(days=settings.RETENTION_SHIFT_DAYS)
        shifts = Shift.objects.filter(began_at__lt=oldest)
        number = shifts.count()
        if number:
            shifts.delete()
            record(actor=actor, verb="care.forget", target="care:shifts", after={"shifts": number})
        return number


def check_room(user: User, now: datetime) -> None:
    """Raises ShiftFull where a limit of the person's shift is reached."""
    if reached := select.standing(user, now).reached:
        raise ShiftFull(reached=reached)


def note_case(user: User, case: Case, now: datetime) -> None:
    """Count a case that ``user`` takes; the same one counts once in a shift.

    Raises ShiftFull where a limit is reached; a case that the shift has held already is no more.
    """
    shift = _shift(user, now)
    if shift.exposures.filter(case=case, sort=Exposure.Sort.CASE).exists():
        return
    # Behind the lock on the shift: of two cases at once, the second is counted against the first
    if reached := select.standing_of(shift).reached:
        raise ShiftFull(reached=reached)
    Exposure.objects.create(
        shift=shift, case=case, sort=Exposure.Sort.CASE, severity=case.severity, at=now
    )


def note_reveal(user: User, case: Case, now: datetime) -> None:
    """Count that ``user`` sees the names of a case."""
    Exposure.objects.create(
        shift=_shift(user, now),
        case=case,
        sort=Exposure.Sort.REVEAL,
        severity=case.severity,
        at=now,
    )


def _shift(user: User, now: datetime) -> Shift:
    """The running shift, begun where there is none."""
    shift = Shift.objects.select_for_update().filter(user=user, ended_at=None).first()
    if shift is not None and select.is_over(shift, now):
        last = shift.exposures.order_by("-at").values_list("at", flat=True).first()
        shift.ended_at = last or shift.began_at
        shift.save(update_fields=["ended_at"])
        shift = None
    if shift is None:
        # Two claims of one person at once: the second finds the shift of the first
        shift, _ = Shift.objects.get_or_create(user=user, ended_at=None, defaults={"began_at": now})
    return shift
