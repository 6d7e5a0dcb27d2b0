"""Starting, cancelling and rescuing runs. ``signals.runner`` computes them."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import ImportBatch
from audit.actors import Actor
from audit.services import record
from signals.attempt import RunLock, is_computing
from signals.basis import basis_now
from signals.errors import RunEnded
from signals.models import Run, Score, ThresholdSet
from signals.selectors.runs import latest_run
from signals.services.defaults import active_thresholds
from signals.services.prompt import update_after_import
from staff.capabilities import Capability
from staff.errors import Refused

EXECUTE: Final = "signals.execute_run"
"""Name of the task that computes a run."""

MAX_ATTEMPTS: Final = 10
"""A run that was interrupted this often is given up: it may be what kills its workers."""

_LOCK: Final = 0x5174_51A9
"""Key of the advisory lock under which runs are queued: two that ask at once share one run."""

_EXPIRES: Final = 300
"""Seconds. A message that waits longer is stale: the sweep sends another for a waiting run."""


@transaction.atomic
def start_run(
    *,
    actor: Actor,
    trigger: str,
    as_of: datetime | None = None,
    full: bool = False,
    enqueue: bool = True,
) -> Run:
    """The run that will bring the values up to date: queued, or complete where nothing is new.

    Where a run of the same kind is waiting already, that one is returned: however many imports
    end, one run follows. Without ``full``, the latest complete run is returned when it rests on
    what a new one would rest on. ``enqueue=False`` leaves the computing to the caller
    (``signals.runner.execute``). Raises Refused for an ``as_of`` without an offset; NotAllowed.
    """
    actor.require(Capability.START_RUNS)
    if as_of is not None and as_of.tzinfo is None:
        raise Refused("The time needs an offset, as in 2026-10-01T00:00:00Z.")
    thresholds = active_thresholds()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    waiting = Run.objects.select_for_update().filter(state=Run.State.QUEUED, as_of=as_of).first()
    if waiting is not None:
        if full and not waiting.full:
            waiting.full = True
            waiting.save(update_fields=["full"])
        return waiting
    if not full and (current := _current(thresholds, as_of)) is not None:
        return current
    run = Run.objects.create(
        trigger=trigger,
        as_of=as_of,
        full=full,
        thresholds=thresholds,
        engine=settings.SIGNALS_ENGINE,
        created_by=actor.user,
    )
    if enqueue:
        transaction.on_commit(partial(send, run.pk, seconds_to_wait(run)), robust=True)
    record(
        actor=actor,
        verb="run.start",
        target=_target(run),
        after={"trigger": str(trigger), "as_of": as_of, "full": full},
    )
    return run


def _current(thresholds: ThresholdSet, as_of: datetime | None) -> Run | None:
    """The latest complete run, if computing again would give the same values."""
    run = latest_run()
    if run is None or run.basis != basis_now(thresholds=thresholds, as_of=as_of):
        return None
    return run


def start_after_import(batch: ImportBatch) -> None:
    """Queue a run when an import has ended, unless ``SIGNALS_RUN_AFTER_IMPORT`` is off.

    Accounts that a small import touches are brought up to date before it.
    """
    if settings.SIGNALS_RUN_AFTER_IMPORT:
        start_run(actor=Actor.system("worker"), trigger=Run.Trigger.IMPORT)
        update_after_import(batch)


def seconds_to_wait(run: Run) -> int:
    """How long a waiting run should still rest, so that imports on end leave the machine room.

    After an import a run rests as long as the one before took; whatever a person, a command or the
    night asked for starts at once.
    """
    before = latest_run()
    if run.trigger != Run.Trigger.IMPORT or before is None or before.finished_at is None:
        return 0
    rest = timedelta(seconds=before.seconds.get("total", 0.0))
    return max(0, math.ceil((before.finished_at + rest - timezone.now()).total_seconds()))


def send(run_id: int, seconds: int = 0) -> None:
    """Ask a worker to compute ``run_id`` after ``seconds``. Asking twice does no harm."""
    current_app.send_task(
        EXECUTE, args=[run_id], countdown=seconds or None, expires=seconds + _EXPIRES
    )


@transaction.atomic
def cancel_run(*, actor: Actor, run_id: int) -> Run:
    """Cancel a run: at once while it waits, else as soon as the computing process looks up.

    Nothing that it computed is kept. Raises RunEnded, NotAllowed, Run.DoesNotExist.
    """
    actor.require(Capability.START_RUNS)
    run = Run.objects.select_for_update().get(pk=run_id)
    if run.state not in (Run.State.QUEUED, Run.State.RUNNING):
        raise RunEnded(f"Run {run_id} is {run.get_state_display()} already.")
    before = run.state
    run.cancel_requested = True
    if run.state == Run.State.QUEUED or not is_computing():
        end(run, Run.State.CANCELLED)
    run.save()
    record(
        actor=actor,
        verb="run.cancel",
        target=_target(run),
        before={"state": before},
        after={"state": run.state, "cancel_requested": True},
    )
    return run


def release_dead_runs(*, actor: Actor) -> list[int]:
    """Put back what a dead process left "running", and name the waiting runs that may start.

    Does nothing while a process computes. Safe to call at any time, from any process.
    """
    actor.require(Capability.START_RUNS)
    with RunLock() as lock:
        if not lock.take():
            return []
        for run_id in Run.objects.filter(state=Run.State.RUNNING).values_list("pk", flat=True):
            put_back(actor=actor, run_id=run_id)
    waiting = Run.objects.filter(state=Run.State.QUEUED).order_by("pk")
    return [run.pk for run in waiting if seconds_to_wait(run) == 0]


@transaction.atomic
def put_back(*, actor: Actor, run_id: int) -> Run:
    """Queue a dead run again, without what it had written; only the lock's holder may ask.

    A run that was to be cancelled is cancelled, and one that was interrupted too often fails.
    """
    run = Run.objects.select_for_update().get(pk=run_id)
    if run.state != Run.State.RUNNING:
        return run
    stage = run.stage
    Score.objects.filter(run=run).delete()
    if run.cancel_requested:
        end(run, Run.State.CANCELLED)
    elif run.attempts >= MAX_ATTEMPTS:
        end(run, Run.State.FAILED)
        run.error = f"Interrupted {run.attempts} times, the last time in the stage “{stage}”."
    else:
        run.state, run.stage, run.progress = Run.State.QUEUED, "", 0.0
    run.save()
    record(
        actor=actor,
        verb="run.interrupted",
        target=_target(run),
        before={"state": Run.State.RUNNING.value, "stage": stage, "attempts": run.attempts},
        after={"state": run.state},
    )
    return run


def end(run: Run, state: Run.State) -> None:
    """Mark ``run`` as ended in ``state``; the caller saves."""
    run.state, run.finished_at = state, timezone.now()


@transaction.atomic
def record_export(*, actor: Actor, run: Run, what: str, rows: int) -> None:
    """Write into the trail that ``what`` ("scores" or "facts") of ``run`` leaves as a file."""
    actor.require(Capability.VIEW_RUNS)
    record(actor=actor, verb=f"run.export_{what}", target=_target(run), after={"rows": rows})


def _target(run: Run) -> str:
    return f"run:{run.pk}"
