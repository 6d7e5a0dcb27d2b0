"""Runs: which one readers use, and how the others went."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from signals.errors import NoRun
from signals.models import Run


def latest_run() -> Run | None:
    """The run that readers use: the one that became complete last. None before the first.

    Prompt runs lie over it and are not meant here.
    """
    complete = Run.objects.filter(state=Run.State.DONE, base=None)
    return complete.order_by("-finished_at", "-pk").first()


def prompt_runs(over: Run) -> QuerySet[Run]:
    """The prompt runs that read the graph later than the complete run ``over`` did."""
    read_at = over.read_at or over.created_at
    return Run.objects.filter(base__isnull=False, read_at__gt=read_at)


def complete_run(which: str = "latest") -> Run:
    """The complete run numbered ``which``, or the latest. Raises NoRun with one sentence."""
    if which == "latest":
        run = latest_run()
        if run is None:
            raise NoRun("There is no complete run yet: start one with `compute_indicators`.")
        return run
    number = int(which) if which.isdecimal() else 0
    run = Run.objects.filter(pk=number).first()
    if run is None:
        raise NoRun(f"There is no run {which!r}: give a run's number, or latest.")
    if run.base_id is not None:
        raise NoRun(
            f"Run {number} brought a few accounts up to date; the complete run behind it is run "
            f"{run.base_id}."
        )
    if run.state != Run.State.DONE:
        raise NoRun(f"Run {number} is not complete: it is {run.get_state_display()}.")
    return run


def runs_newest_first() -> QuerySet[Run]:
    """All runs over the whole graph, with who started them and under which thresholds."""
    return Run.objects.filter(base=None).select_related("created_by", "thresholds").order_by("-pk")


def spent(run: Run) -> float | None:
    """Seconds that the run has taken so far or took in all; None before it began."""
    if run.started_at is None:
        return None
    until: datetime = run.finished_at or timezone.now()
    return (until - run.started_at).total_seconds()
