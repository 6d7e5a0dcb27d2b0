"""Computes a run: load, contact facts, indicators, cases; complete or not at all.

A run's values are written first and seen last. Scores go in by COPY in a transaction of their own,
which readers do not look at yet; then one transaction stores the explanations, lets the higher
floors open and update cases, and makes the run the latest complete one. Killed before that
transaction commits, the run has changed nothing that anybody sees: the next command or the sweep
begins it anew, on the graph as it is then. Killed after, it is done.

Cases are therefore opened exactly once for a run, and never from values that readers cannot see.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog
from django.db import connection, transaction
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from signals import hooks, snapshot, storage
from signals.attempt import CancelRequested, Replaced, RunLock, Watch
from signals.basis import basis_of
from signals.draws import month_of, sample_of
from signals.engine.prepare import CLOCKS_DIFFER
from signals.engine.result import EngineResult
from signals.errors import RunBusy, RunInterrupted
from signals.figures import figures_of
from signals.models import Run, Score, ThresholdSet
from signals.services import prompt
from signals.services.defaults import active_thresholds
from signals.services.runs import MAX_ATTEMPTS, end, put_back
from signals.spec import KEYS, ThresholdSpec

log = structlog.get_logger("signals")

Progress = Callable[[str, float], None]
"""Called with the stage and the share of the whole run that is done, 0 to 1."""

# Where the engine's own stages begin and end in the whole run.
_LOADED: Final = 0.25
_COMPUTED: Final = 0.85
_STAGE_OF: Final = {"load": "load", "contact_facts": "contact_facts"}


def execute(run_id: int, progress: Progress | None = None, *, actor: Actor | None = None) -> Run:
    """Compute the run ``run_id`` unless it has ended, and return it as it ended.

    Safe to call twice, at once or again after a crash. The run returned is complete, cancelled or
    failed (then ``error`` says why in one sentence). Raises RunBusy while another process computes,
    RunInterrupted when the database went away (the run will be begun again), Run.DoesNotExist.
    A KeyboardInterrupt cancels the run and goes on.
    """
    actor = actor or Actor.system("worker")
    with RunLock() as lock:
        if not lock.take():
            raise RunBusy(busy_message())
        for dead in Run.objects.filter(state=Run.State.RUNNING).exclude(pk=run_id):
            put_back(actor=actor, run_id=dead.pk)
        run = _begin(run_id)
        if run.state != Run.State.RUNNING:
            return run
        try:
            _compute(run, active_thresholds(), lock, progress, actor)
        except Replaced:
            log.warning("run_replaced", run=run_id, attempt=run.attempts)
        except CancelRequested:
            _give_up(run, Run.State.CANCELLED, actor)
        except KeyboardInterrupt:
            _give_up(run, Run.State.CANCELLED, actor)
            raise
        except Exception as error:
            if not lock.is_held():
                connection.close()
                log.warning("run_interrupted", run=run_id, attempt=run.attempts)
                raise RunInterrupted(
                    f"The database went away in the middle of run {run_id}; the run is begun "
                    "again by the worker, or by the same command."
                ) from error
            log.exception("run_failed", run=run_id, attempt=run.attempts)
            _give_up(run, Run.State.FAILED, actor, _sentence(error))
    run.refresh_from_db()
    return run


def busy_message() -> str:
    """One sentence about the run that is being computed."""
    run = Run.objects.filter(state=Run.State.RUNNING).first()
    if run is None:
        return "Another run is just starting or ending."
    return f"Run {run.pk} is being computed ({run.progress:.0%}); one run at a time."


@transaction.atomic
def _begin(run_id: int) -> Run:
    """Make ``run_id`` this process's; the caller holds the lock, so nobody else computes it."""
    run = Run.objects.select_for_update().get(pk=run_id)
    if run.state not in (Run.State.QUEUED, Run.State.RUNNING):
        return run
    Score.objects.filter(run=run).delete()
    if run.attempts >= MAX_ATTEMPTS:
        return put_back(actor=Actor.system("worker"), run_id=run_id)
    run.state = Run.State.RUNNING
    run.attempts += 1
    run.stage, run.progress, run.error = "load", 0.0, ""
    run.started_at = timezone.now()
    run.save()
    return run


def _compute(
    run: Run, thresholds: ThresholdSet, lock: RunLock, progress: Progress | None, actor: Actor
) -> None:
    # Compiled kernels and DuckDB take a second to load: only a process that computes pays it.
    from signals.engine import run as engine

    run.thresholds = thresholds
    watch = Watch(lock, run)

    def tell(stage: str, share: float) -> None:
        watch.at(stage, share)
        if progress is not None:
            progress(stage, share)

    def engine_tells(stage: str, share: float) -> None:
        tell(_STAGE_OF.get(stage, "indicators"), _LOADED + share * (_COMPUTED - _LOADED))

    tell("load", 0.0)
    taken = snapshot.take(run.as_of, lambda share: tell("load", share * _LOADED))
    result = engine.run(
        taken.graph,
        ThresholdSpec.from_dict(thresholds.spec),
        as_of=run.as_of,
        now=taken.read_at + CLOCKS_DIFFER,
        engine=run.engine,
        progress=engine_tells,
        explain=hooks.case_accounts(),
        sample=sample_of(run),
        priors=prompt.recorder(run),
        keep=False,
    )
    tell("cases", _COMPUTED)
    run.read_at, run.instant = taken.read_at, result.as_of
    with storage.saving_facts(run, result.facts):
        storage.write_scores(run, result.scores)
    run.basis = basis_of(
        graph=taken.graph_basis,
        thresholds=thresholds,
        as_of=run.as_of,
        labels=taken.labels,
        exemptions=taken.exemptions,
        sample=month_of(run),
    )
    tell("cases", 0.95)
    _complete(run, result, watch, actor)
    if progress is not None:
        progress("cases", 1.0)
    try:
        storage.prune()
    except Exception:
        # The run is complete; what was left over goes after the next one.
        log.exception("prune_failed", run=run.pk)


@transaction.atomic
def _complete(run: Run, result: EngineResult, watch: Watch, actor: Actor) -> None:
    """Everything that readers see of a run, at once."""
    prompt.one_at_a_time()
    storage.write_assessments(run, result)
    stored = Run.objects.select_for_update().get(pk=run.pk)
    if stored.attempts != run.attempts or stored.state != Run.State.RUNNING:
        raise Replaced
    if stored.cancel_requested:
        raise CancelRequested
    run.stage, run.indicator_keys = stored.stage, list(KEYS)
    run.accounts = result.counts["accounts"]
    run.assessed = result.counts["assessed"]
    run.contacts = result.counts["contacts"]
    run.flagged = result.counts["flagged"]
    run.figures = figures_of(result)
    run.save()
    # From here to the commit the run's row is locked: no progress may be written in between.
    run.cases_opened, run.cases_updated = hooks.run_done(run, actor)
    run.progress, run.seconds = 1.0, watch.total()
    end(run, Run.State.DONE)
    run.save()
    record(
        actor=actor,
        verb="run.complete",
        target=f"run:{run.pk}",
        after={
            name: getattr(run, name)
            for name in ("accounts", "contacts", "flagged", "cases_opened", "cases_updated")
        }
        | {"thresholds": run.basis["thresholds"]},
    )
    transaction.on_commit(prompt.warm, robust=True)


@transaction.atomic
def _give_up(run: Run, state: Run.State, actor: Actor, reason: str = "") -> None:
    """End this attempt's run without values; nothing happens to a run that is another's by now."""
    stored = Run.objects.select_for_update().get(pk=run.pk)
    if stored.attempts != run.attempts or stored.state != Run.State.RUNNING:
        return
    Score.objects.filter(run=stored).delete()
    end(stored, state)
    stored.error = reason
    stored.save()
    storage.drop_facts(run.pk)
    record(
        actor=actor,
        verb="run.cancel" if state == Run.State.CANCELLED else "run.fail",
        target=f"run:{run.pk}",
        before={"state": Run.State.RUNNING.value, "stage": stored.stage},
        after={"state": state.value},
        reason=reason,
    )


def _sentence(error: Exception) -> str:
    """What went wrong, for the run's page.

    The first line alone: PostgreSQL puts the row that it refuses into the lines after it.
    """
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
