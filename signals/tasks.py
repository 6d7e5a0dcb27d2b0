"""What workers do for this floor. The database says what is to be done; a task may run twice."""

from __future__ import annotations

from typing import Any, Final

import structlog
from celery import shared_task
from celery.schedules import crontab
from celery.signals import worker_ready

from audit.actors import Actor
from signals.errors import RunBusy, RunInterrupted
from signals.models import Run
from signals.services import release_dead_runs, start_run
from signals.services.prompt import UPDATE, WARM, warm
from signals.services.runs import EXECUTE, send

log = structlog.get_logger("signals")

_HOURS: Final = 3600

SCHEDULE: Final[dict[str, Any]] = {
    "signals.sweep_runs": 60.0,
    "signals.nightly_run": crontab(hour="2", minute="17"),
}


@shared_task(
    name=EXECUTE,
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=6 * _HOURS,
    time_limit=6 * _HOURS + 300,
)
def execute_run(run_id: int) -> None:
    """Compute a run. While another one is computed, it stays queued; the sweep sends it again."""
    from signals.runner import execute

    try:
        execute(run_id, actor=Actor.system("worker"))
    except (RunBusy, RunInterrupted, Run.DoesNotExist) as refusal:
        log.info("run_not_executed", run=run_id, reason=str(refusal))
        return
    # What was queued in the meantime follows at once, rather than at the next sweep.
    sweep_runs()


@shared_task(name=UPDATE, soft_time_limit=60, time_limit=90)
def prompt_update(batch_id: int) -> None:
    """Bring the accounts that an import touched up to date. What is lost, the next run catches."""
    from signals.prompt.update import prompt_update as update

    update(actor=Actor.system("worker"), batch_id=batch_id)


@shared_task(name=WARM, soft_time_limit=120, time_limit=150)
def prompt_warm() -> None:
    """Get ready for updates against the latest run."""
    from signals.prompt.update import warm_up

    warm_up()


@worker_ready.connect
def _warm(**_kwargs: object) -> None:
    """A worker that has just started is ready for updates before the first one comes."""
    warm()


@shared_task(name="signals.sweep_runs")
def sweep_runs() -> None:
    """Rescue runs whose process died, and send off those that wait."""
    for run_id in release_dead_runs(actor=Actor.system("worker"))[:1]:
        send(run_id)


@shared_task(name="signals.nightly_run")
def nightly_run() -> None:
    """Queue the full run of the night."""
    start_run(actor=Actor.system("beat"), trigger=Run.Trigger.NIGHTLY, full=True)
