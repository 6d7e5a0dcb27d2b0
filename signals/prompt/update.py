"""Computes the accounts that an import touches, and lays their values over the latest run's."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from signals import hooks, storage
from signals.basis import engine_digest
from signals.engine.part import PartResult, recompute
from signals.engine.plan import Plan
from signals.engine.prepare import CLOCKS_DIFFER
from signals.engine.priors import Stored
from signals.models import Run, Score
from signals.prompt.part import Part, TooLarge, of_accounts, of_import
from signals.selectors.runs import latest_run
from signals.services.defaults import active_thresholds
from signals.services.prompt import enabled, one_at_a_time
from signals.spec import KEYS, ThresholdSpec
from staff.capabilities import Capability

log = structlog.get_logger("signals")

_ATTEMPTS: Final = 3
"""How often an update begins anew because a run became complete in the meantime."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Ready:
    """What this process keeps for updates against one complete run."""

    run: Run
    stored: Stored
    spec: ThresholdSpec
    plan: Plan | None = field(default=None)


_ready: list[Ready] = []


def prompt_update(*, actor: Actor, batch_id: int) -> Run | None:
    """Bring the accounts that the events of an import touch up to date, cases included.

    In one transaction: the values lie over those of the latest complete run, and its cases are
    opened and updated by the same rules as after a run. None where there is nothing to do or it
    has to be left to the next complete run; the log says why. Safe to call twice. Raises
    NotAllowed.
    """
    actor.require(Capability.START_RUNS)
    for _ in range(_ATTEMPTS):
        began = time.monotonic()
        ready, reason = _get_ready()
        if ready is None:
            log.info("prompt_update_left_to_run", batch=batch_id, reason=reason)
            return None
        since = ready.run.basis["graph"]["last"][2] or 0
        try:
            part = of_import(batch_id, since, ready.stored, settings.SIGNALS_PROMPT_ACCOUNTS)
        except TooLarge as refusal:
            log.info("prompt_update_left_to_run", batch=batch_id, reason=str(refusal))
            return None
        if part is None or not part.accounts:
            return None
        found = _compute(ready, part)
        run = _publish(actor, ready, part, found, began)
        if run is not None:
            log.info("prompt_update", run=run.pk, base=ready.run.pk, batch=batch_id, **run.seconds)
            return run
    return None


def warm_up() -> bool:
    """Write down what an update asks, so that the next one is quick; whether there was anything."""
    ready, _reason = _get_ready()
    if ready is None:
        return False
    best = Score.objects.filter(run=ready.run).order_by("rank").values_list("account_id", flat=True)
    for account in best[:_ATTEMPTS]:
        try:
            _compute(ready, of_accounts([account]))
        except TooLarge:
            continue
        return True
    return False


def _get_ready() -> tuple[Ready | None, str]:
    """What updates against the latest run need; or why there can be none."""
    run = latest_run()
    if not enabled():
        return None, "Prompt updates are turned off."
    if run is None or run.as_of is not None or run.thresholds is None:
        return None, "The latest run does not hold for everything imported."
    if run.thresholds_id != active_thresholds().pk or run.basis.get("engine") != engine_digest():
        return None, "Thresholds or engine have changed since the latest run."
    if not _ready or _ready[0].run.pk != run.pk:
        try:
            stored = Stored(storage.priors_folder(run.pk))
        except (OSError, ValueError, KeyError):
            return None, "What the latest run compared with is not on this machine."
        _ready[:] = [Ready(run, stored, ThresholdSpec.from_dict(run.thresholds.spec))]
    return _ready[0], ""


def _compute(ready: Ready, part: Part) -> PartResult:
    found = recompute(
        part.graph,
        ready.spec,
        ready.stored,
        part.accounts,
        as_of=_instant(ready, part),
        explain=hooks.case_accounts() & part.accounts,
        plan=ready.plan,
    )
    ready.plan = found.plan
    return found


def _instant(ready: Ready, part: Part) -> datetime:
    """Just after the last event that the run or this part knows and that is not yet to come."""
    published = part.graph.events["published"]
    now = pa.scalar(timezone.now() + CLOCKS_DIFFER, published.type)
    last = pc.max(published.filter(pc.less_equal(published, now))).cast(pa.int64()).as_py()
    moment = max(ready.stored.as_of, -1 if last is None else last + 1)
    return _EPOCH + timedelta(microseconds=moment)


@transaction.atomic
def _publish(actor: Actor, ready: Ready, part: Part, found: PartResult, began: float) -> Run | None:
    """Everything that readers see of an update, at once. None: a run has become complete."""
    one_at_a_time()
    latest = latest_run()
    if latest is None or latest.pk != ready.run.pk:
        return None
    now = timezone.now()
    computed = time.monotonic() - began
    run = Run.objects.create(
        state=Run.State.DONE,
        trigger=Run.Trigger.PROMPT,
        base=ready.run,
        thresholds=ready.run.thresholds,
        engine=ready.run.engine,
        progress=1.0,
        accounts=len(part.accounts),
        assessed=found.scores.num_rows,
        flagged=int(pc.sum(found.scores["flagged"]).as_py() or 0),
        indicator_keys=list(KEYS),
        basis={**ready.run.basis, "graph": part.graph_basis},
        attempts=1,
        created_by=actor.user,
        read_at=part.read_at,
        instant=_instant(ready, part),
        started_at=now,
        finished_at=now,
    )
    _write_scores(run, ready.run, found.scores)
    storage.write_assessments(run, found)
    run.cases_opened, run.cases_updated = hooks.run_done(run, actor)
    total = time.monotonic() - began
    run.seconds = {"computed": round(computed, 3), "total": round(total, 3)}
    run.save()
    record(
        actor=actor,
        verb="run.prompt",
        target=f"run:{run.pk}",
        after={
            name: getattr(run, name)
            for name in ("accounts", "flagged", "cases_opened", "cases_updated")
        }
        | {"base": ready.run.pk},
    )
    return run


def _write_scores(run: Run, base: Run, scores: pa.Table) -> None:
    """A few rows; who approaches the same children as whom is as the complete run found it."""
    accounts = scores["account"].to_pylist()
    # By account alone: of a run that has just ended the planner knows no number of rows, and would
    # take it for the shorter way to read all of them.
    known = Score.objects.filter(account__in=accounts).values_list("run_id", "account_id", "ring")
    rings = {account: ring for run_id, account, ring in known if run_id == base.pk}
    Score.objects.bulk_create(
        Score(
            run=run,
            account_id=row["account"],
            ring=rings.get(row["account"]),
            **{name: row[name] for name in storage.SCORE_COLUMNS},
            **{part: [row[f"{key}_{part}"] for key in KEYS] for part in ("llr", "k", "n")},
        )
        for row in scores.to_pylist()
    )
