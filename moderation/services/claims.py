"""Who works on a case: a lease of 20 minutes, in the database, that one person at a time holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from moderation.access import hidden_from
from moderation.domain.transitions import State, Verb
from moderation.errors import IllegalMove, LeaseLapsed, ShiftFull
from moderation.models import Case
from moderation.selectors.care import not_for
from moderation.services.care import check_room, note_case
from moderation.services.moves import LEASE, background, lock, move, person, taken, target
from staff.capabilities import Capability
from staff.errors import Refused
from staff.models import User

# Activity on the page extends a lease, but not more often than this: each extension is an entry.
_RENEW_AFTER = timedelta(minutes=5)

TOGETHER = 20
"""Cases that one person can claim at once: as many as can be looked at within a hold."""

_LAPSED = "the hold had lapsed"
_PUT_BACK = "a supervisor put it back"


def claim(*, actor: Actor, case_id: int) -> Case:
    """Take a case for review. Claiming what one already holds extends the hold.

    A lapsed hold of somebody else is taken over, recorded as a release and a claim.
    Raises NotAllowed, CaseTaken (who holds it), ShiftFull (a limit of the person's shift),
    IllegalMove or Case.DoesNotExist.
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    with transaction.atomic():
        case = lock(case_id)
        now = timezone.now()
        if case.state == State.IN_REVIEW and not _has_lapsed(case, now):
            if case.holder_id != user.pk:
                raise taken(case)
            return _extend(case, actor=actor, now=now)
        return _take(case, actor=actor, user=user)


def claim_next(*, actor: Actor) -> Case | None:
    """Take the open case with the highest priority; None when nothing is open.

    Two people asking at once get two different cases. Where nothing is open, a case whose hold
    has lapsed is taken over without waiting for the sweep; where all that is open is just being
    written, by a run or another person, this waits for it. What the person leaves to others, or
    skipped in this shift, is not offered. Raises NotAllowed, or ShiftFull at a limit of the shift.
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    with transaction.atomic():
        now = timezone.now()
        check_room(user, now)
        ordered = _offered(user, now).order_by("-priority", "id")
        free = ordered.select_for_update(skip_locked=True)
        case = (
            free.filter(state=State.OPEN).first()
            or free.filter(state=State.IN_REVIEW, lease_expires_at__lte=now).first()
            or ordered.select_for_update().filter(state=State.OPEN).first()
        )
        return None if case is None else _take(case, actor=actor, user=user)


def _offered(user: User, now: datetime) -> QuerySet[Case]:
    return Case.objects.exclude(not_for(user, now)).exclude(pk__in=hidden_from(user))


def claim_together(*, actor: Actor, case_ids: Sequence[int]) -> list[Case]:
    """Claim those of some cases that are free, all at once; those that the actor holds then.

    For cases that belong together, at most ``TOGETHER``, taken in the order given. Cases that
    somebody else holds, those that are decided, and what goes beyond a limit of the person's shift
    are left alone: the others are worth taking without them. Raises NotAllowed, Refused, or
    ShiftFull where the limit leaves nothing.
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    if len(set(case_ids)) > TOGETHER:
        raise Refused(f"Take {TOGETHER} cases at most at a time.")
    taken: list[Case] = []
    full: ShiftFull | None = None
    with transaction.atomic():
        seen = Case.objects.exclude(pk__in=hidden_from(user)).filter(pk__in=case_ids)
        locked = {case.pk: case for case in seen.select_for_update().order_by("id")}
        for case in (locked[pk] for pk in dict.fromkeys(case_ids) if pk in locked):
            now = timezone.now()
            if case.is_held_by(user, now):
                taken.append(_extend(case, actor=actor, now=now))
            elif case.state == State.OPEN or (
                case.state == State.IN_REVIEW and _has_lapsed(case, now)
            ):
                try:
                    taken.append(_take(case, actor=actor, user=user))
                except ShiftFull as refusal:
                    full = refusal
        if full and not taken:
            raise full
    return taken


def renew(*, actor: Actor, case_id: int, by_activity: bool = False) -> Case:
    """Let the hold last 20 minutes from now. By activity, only once it is 5 minutes old.

    Raises NotAllowed, CaseTaken, LeaseLapsed (claim it again) or IllegalMove.
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    with transaction.atomic():
        case = lock(case_id)
        now = timezone.now()
        _check_held(case, user, now, Verb.CLAIM)
        lease = case.lease_expires_at
        if by_activity and lease is not None and lease - now > LEASE - _RENEW_AFTER:
            return case
        return _extend(case, actor=actor, now=now)


def release(*, actor: Actor, case_id: int) -> Case:
    """Give a held case back to the queue, without a reason.

    Raises NotAllowed, CaseTaken, LeaseLapsed or IllegalMove.
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    with transaction.atomic():
        case = lock(case_id)
        _check_held(case, user, timezone.now(), Verb.RELEASE)
        move(case, Verb.RELEASE, actor=actor)
        return case


def put_back(*, actor: Actor, case_id: int) -> Case:
    """Take a case from whoever holds it, so that anybody may take it next: supervisors do that.

    What the holder had written stays the holder's draft. Raises NotAllowed, IllegalMove (nobody
    holds it) or Case.DoesNotExist.
    """
    actor.require(Capability.REASSIGN_CASES)
    person(actor)
    with transaction.atomic():
        case = lock(case_id)
        if case.state != State.IN_REVIEW:
            raise IllegalMove(state=State(case.state), verb=Verb.RELEASE, reference=case.reference)
        move(case, Verb.RELEASE, actor=actor, reason=_PUT_BACK)
        return case


def expire_leases(*, actor: Actor) -> int:
    """Put every case whose hold has lapsed back into the queue; how many there were.

    Only Sightline itself does this, every minute. A case that somebody is working on at that
    moment is left to the next sweep. Raises NotAllowed.
    """
    background(actor)
    with transaction.atomic():
        now = timezone.now()
        lapsed = list(
            Case.objects.select_for_update(skip_locked=True)
            .filter(state=State.IN_REVIEW, lease_expires_at__lte=now)
            .order_by("id")
        )
        for case in lapsed:
            move(case, Verb.RELEASE, actor=actor, reason=_LAPSED)
    return len(lapsed)


def _has_lapsed(case: Case, now: datetime) -> bool:
    return case.lease_expires_at is not None and case.lease_expires_at <= now


def _check_held(case: Case, user: User, now: datetime, verb: Verb) -> None:
    if case.state != State.IN_REVIEW:
        raise IllegalMove(state=State(case.state), verb=verb, reference=case.reference)
    if case.holder_id != user.pk:
        raise taken(case)
    if case.lease_expires_at is not None and _has_lapsed(case, now):
        raise LeaseLapsed(reference=case.reference, ended_at=case.lease_expires_at)


def _take(case: Case, *, actor: Actor, user: User) -> Case:
    now = timezone.now()
    lease = now + LEASE
    note_case(user, case, now)  # first: it refuses where the shift is full
    if case.state == State.IN_REVIEW:
        move(case, Verb.RELEASE, actor=actor, reason=_LAPSED)
    move(case, Verb.CLAIM, actor=actor, holder=user, lease_expires_at=lease, claimed_at=now)
    return case


def _extend(case: Case, *, actor: Actor, now: datetime) -> Case:
    before = case.lease_expires_at
    case.lease_expires_at = now + LEASE
    case.save(update_fields=["lease_expires_at", "updated_at"])
    record(
        actor=actor,
        verb="case.renew",
        target=target(case),
        before={"lease_expires_at": before},
        after={"lease_expires_at": case.lease_expires_at},
    )
    return case
