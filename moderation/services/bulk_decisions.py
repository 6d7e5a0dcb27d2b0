"""One decision for several cases: asked for on a review page, taken one by one by a worker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Final

from celery import current_app
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from moderation.access import visible_cases
from moderation.domain.bulk import MOST, VERBS, obstacle
from moderation.domain.transitions import State, Verb
from moderation.domain.vocabulary import DismissReason, Severity
from moderation.models import BulkItem, BulkJob, Case
from moderation.services import claims, decisions
from moderation.services.checks import Entered
from moderation.services.decisions import SAY_WHY
from moderation.services.moves import lock, person
from moderation.services.stale import check_version
from staff.capabilities import Capability
from staff.errors import NotAllowed, Refused

RUN: Final = "moderation.run_bulk"
_LOST_AFTER = timedelta(minutes=2)


def ask(
    *,
    actor: Actor,
    verb: str,
    versions: Mapping[int, int],
    note: str,
    reason: str = "",
    until: date | None = None,
) -> BulkJob:
    """Ask for one decision on several cases. ``versions``: of each case, as it was reviewed.

    ``verb`` is one of ``VERBS``; ``reason`` goes with a dismissal, ``until`` with monitoring. At
    most ``MOST`` cases; those that the person may not see are as if they were not there. Raises
    NotAllowed or InvalidDecision; whether a case can be decided shows when its turn comes.
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    entered = Entered()
    if verb not in VERBS:
        entered.errors["verb"] = "Choose what to do with these cases."
    if not 0 < len(versions) <= MOST:
        entered.errors["cases"] = f"Choose between 1 and {MOST} cases."
    words = {"note": entered.text("note", note, missing=SAY_WHY)}
    if verb == Verb.DISMISS:
        words["reason"] = entered.code("reason", reason, DismissReason)
    if verb == Verb.MONITOR:
        if until is None:
            entered.errors["until"] = "Choose the date on which the cases come back."
        else:
            words["until"] = entered.future("until", until, timezone.localdate()).isoformat()
    entered.check()
    with transaction.atomic():
        # Locked: items refer to them, which would otherwise wait for them with the trail in hand.
        known = _lock_all(visible_cases(user).filter(pk__in=versions))
        job = BulkJob.objects.create(by=user, verb=verb, words=words, asked_at=timezone.now())
        BulkItem.objects.bulk_create(
            BulkItem(job=job, case_id=pk, version=versions[pk]) for pk in known
        )
        record(
            actor=actor,
            verb="bulk.ask",
            target=f"bulk:{job.pk}",
            after={"verb": verb, "cases": len(known)},
            reason=words.get("reason", ""),
        )
        transaction.on_commit(partial(current_app.send_task, RUN, args=[job.pk]), robust=True)
        return job


def _lock_all(cases: QuerySet[Case]) -> list[int]:
    """The ids of ``cases``, locked until the transaction ends, in their order."""
    locked = cases.select_for_update(of=("self",), no_key=True).order_by("pk")
    return list(locked.values_list("pk", flat=True))


def run(job_id: int) -> None:
    """Decide the cases of a job that still wait, in the name of the person who asked.

    Each in a transaction of its own: what is refused is left alone, with the reason, and the others
    go on. Safe to run twice, also at the same time. Raises BulkJob.DoesNotExist.
    """
    job = BulkJob.objects.select_related("by").get(pk=job_id)
    actor = Actor.of_user(job.by)
    for item_id in job.items.order_by("pk").values_list("pk", flat=True):
        _decide_one(job, actor, item_id)
    waiting = job.items.filter(outcome=BulkItem.Outcome.WAITING)
    if not waiting.exists():
        BulkJob.objects.filter(pk=job_id, finished_at=None).update(
            finished_at=timezone.now(), words={}
        )


def sweep() -> int:
    """Ask the worker again for jobs that it lost; how many there were. Nothing else changes."""
    lost = BulkJob.objects.filter(
        finished_at=None, asked_at__lt=timezone.now() - _LOST_AFTER
    ).values_list("pk", flat=True)
    for job in lost:
        current_app.send_task(RUN, args=[job])
    return len(lost)


@transaction.atomic
def _decide_one(job: BulkJob, actor: Actor, item_id: int) -> None:
    item = (
        BulkItem.objects.select_for_update(skip_locked=True)
        .filter(pk=item_id, outcome=BulkItem.Outcome.WAITING)
        .first()
    )
    if item is None:
        return
    try:
        with transaction.atomic():
            _take_and_decide(job, actor, item)
    except (Refused, NotAllowed) as refusal:
        item.outcome, item.message = BulkItem.Outcome.REFUSED, str(refusal)
    else:
        item.outcome = BulkItem.Outcome.DONE
    item.save(update_fields=["outcome", "message"])


def _take_and_decide(job: BulkJob, actor: Actor, item: BulkItem) -> None:
    case = lock(item.case_id)
    check_version(case, item.version)
    now = timezone.now()
    held = case.state == State.IN_REVIEW and (case.lease_expires_at or now) > now
    why_not = obstacle(
        state=State(case.state),
        severity=Severity(case.severity),
        free=not held or case.holder_id == job.by_id,
        holder=case.holder.name if case.holder else "",
    )
    if why_not:
        raise Refused(why_not)
    if not case.is_held_by(job.by, now):
        case = claims.claim(actor=actor, case_id=case.pk)
    if job.verb == Verb.DISMISS:
        decisions.dismiss(
            actor=actor,
            case_id=case.pk,
            version=case.version,
            reason=job.words["reason"],
            note=job.words["note"],
        )
    else:
        decisions.monitor(
            actor=actor,
            case_id=case.pk,
            version=case.version,
            until=date.fromisoformat(job.words["until"]),
            note=job.words["note"],
        )
