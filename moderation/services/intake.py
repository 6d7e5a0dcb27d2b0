"""From a run's assessments to cases: open, update, resume, reopen. Called as a run's last stage."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from audit.actors import Actor
from audit.services import Draft, record_all
from moderation.domain import deadlines, priority
from moderation.domain.deadlines import Terms
from moderation.domain.intake import Step, falls, judge
from moderation.domain.severity import graver
from moderation.domain.transitions import LIVE_STATES, State
from moderation.domain.vocabulary import Severity
from moderation.models import Case, SampledCase
from moderation.selectors.findings import (
    BoundsOfSets,
    Finding,
    bounds_of_sets,
    findings,
    is_judged,
    known_of,
    latest_cases,
    with_run,
)
from moderation.selectors.terms import current as current_terms
from moderation.services import bulk
from moderation.services.moves import target
from moderation.services.references import next_references
from signals.models import Run
from signals.spec import ThresholdSpec
from staff.capabilities import Capability

_LOCK = 0x5174_CA5E
"""Key of the advisory lock under which one intake runs at a time."""


def open_cases(run: Run, actor: Actor) -> tuple[int, int]:
    """Open a case for each flagged account without one and bring known cases up to date.

    Where the threshold set gives a ``sample_share``, accounts drawn by chance from below the
    threshold open one too (``signals.engine.sample``); nothing on the case says so.

    Returns how many cases were opened and how many existing ones changed (updated, resumed or
    reopened). ``moderation.domain.intake.judge`` holds the rules. All in one transaction, so a
    run that is killed leaves nothing behind; a run that was taken in already changes nothing.
    Where the threshold set gives a capacity, the accounts with most points open that many cases
    in a day (UTC), after them those that were drawn, in the order of the draw, and the others wait
    for a later run. Raises NotAllowed.
    """
    actor.require(Capability.START_RUNS)
    spec = ThresholdSpec.from_dict(run.thresholds.spec) if run.thresholds else ThresholdSpec()
    with transaction.atomic():
        _one_at_a_time()
        now, terms, bounds = timezone.now(), current_terms(), bounds_of_sets()
        changes = list(findings(run, reopen_points=spec.reopen_points, bounds=bounds))
        drafts = _change(
            [change for change in changes if change.step not in {Step.OPEN, Step.RANK}],
            reason=f"run {run.pk}",
            reopen_points=spec.reopen_points,
            bounds=bounds,
            now=now,
            terms=terms,
        )
        updated = sum(draft.verb != "case.rebase" for draft in drafts)
        wanted = sorted(
            (change for change in changes if change.step is Step.OPEN),
            key=_first,
        )
        opening = wanted[: _room(spec, now)]
        drafts += _rank_again([change for change in changes if change.step is Step.RANK], run)
        drafts += _open(opening, reason=f"run {run.pk}", now=now, terms=terms)
        if len(opening) < len(wanted):
            waiting = {"waiting": len(wanted) - len(opening)}
            drafts.append(Draft(verb="case.capacity", target=f"run:{run.pk}", after=waiting))
        record_all(actor=actor, drafts=drafts)
    return len(opening), updated


def _first(change: Finding) -> tuple[bool, float, int]:
    """The order in which cases open: the most points, then who was drawn, whatever their points.

    With the strongest of the draw first, a capacity would open a sample that is none.
    """
    drawn = change.place is not None
    return drawn, float(change.place or 0) if drawn else -change.found.points, change.account


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _change(
    changes: list[Finding],
    *,
    reason: str,
    reopen_points: float,
    bounds: BoundsOfSets,
    now: datetime,
    terms: Terms,
) -> list[Draft]:
    """Lock the cases, judge again, and write all whose step is still the same at once.

    Who decided on a case in the meantime wins; the next run looks at it again.
    """
    by_account = {change.account: change for change in changes}
    ids = [case.pk for case in latest_cases(by_account).values()]
    locked = with_run(Case.objects.select_for_update(of=("self",)).filter(pk__in=ids))
    cases, drafts = [], []
    for case in locked.order_by("id"):
        change = by_account[case.account_id]
        known = known_of(case, bounds)
        if judge(known, change.found, reopen_points=reopen_points) is change.step:
            before = _telling(case)
            case.fallen = falls(known, change.found)
            _apply(case, change, now, terms)
            cases.append(case)
            drafts.append(
                Draft(
                    verb=f"case.{change.step}",
                    target=target(case),
                    before=before,
                    after=_telling(case),
                    reason=reason,
                )
            )
    bulk.write(cases, bulk.ASSESSED)
    return drafts


def _apply(case: Case, change: Finding, now: datetime, terms: Terms) -> None:
    step, found = change.step, change.found
    severity = Severity(case.severity)
    if step is Step.REOPEN:
        severity = found.severity
    elif step is not Step.REBASE and not is_judged(case):
        severity = graver(severity, found.severity)
    if step in {Step.RESUME, Step.REOPEN}:
        case.state = State.OPEN
        case.monitor_until = None
        case.waiting_since, case.due_at = now, deadlines.due(now, severity, terms)
    elif severity != case.severity and case.state != State.MONITORING:
        case.due_at = deadlines.due(case.waiting_since, severity, terms)
    if step is Step.REBASE:
        case.points_when_decided = found.points
    case.severity = severity
    case.points = found.points
    case.minors = found.minors
    case.headline = change.headline
    case.assessment_id = change.assessment
    _rank(case, change, now, terms)
    case.version += 1
    case.updated_at = now


def _rank(case: Case, change: Finding, now: datetime, terms: Terms) -> None:
    used = 0.0
    if case.state != State.MONITORING:
        working = None if terms.runs_always(Severity(case.severity)) else terms.working
        used = deadlines.share_used(case.waiting_since, case.due_at, now, working)
    case.priority_factors = priority.factors(case.points, change.circumstances, used)
    case.priority = priority.priority(case.priority_factors)


def _rank_again(changes: list[Finding], run: Run) -> list[Draft]:
    """Bring the place in the queue up to date where the case otherwise stays as it is shown."""
    around = {change.account: change.circumstances for change in changes}
    cases = list(
        Case.objects.select_for_update()
        .filter(account__in=around, state__in=LIVE_STATES)
        .only("id", "account_id", "priority", "priority_factors")
        .order_by("id")
    )
    for case in cases:
        case.priority_factors = priority.with_circumstances(
            case.priority_factors, around[case.account_id]
        )
        case.priority = priority.priority(case.priority_factors)
    bulk.write(cases, bulk.RANKED)
    if not cases:
        return []
    told = {"cases": len(cases)}
    return [Draft(verb="case.reprioritise", target=f"run:{run.pk}", after=told)]


def _room(spec: ThresholdSpec, now: datetime) -> int | None:
    """How many more cases may open today; None without a limit."""
    if spec.capacity is None:
        return None
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return max(0, spec.capacity - Case.objects.filter(opened_at__gte=today).count())


def _open(opening: list[Finding], *, reason: str, now: datetime, terms: Terms) -> list[Draft]:
    cases = []
    for change, reference in zip(opening, next_references(len(opening), now), strict=True):
        case = Case(
            reference=reference,
            account_id=change.account,
            kind=change.kind,
            severity=change.found.severity,
            points=change.found.points,
            headline=change.headline,
            minors=change.found.minors,
            assessment_id=change.assessment,
            opened_at=now,
            waiting_since=now,
            due_at=deadlines.due(now, change.found.severity, terms),
        )
        _rank(case, change, now, terms)
        cases.append(case)
    Case.objects.bulk_create(cases, batch_size=500)
    SampledCase.objects.bulk_create(
        [
            SampledCase(case=case)
            for case, change in zip(cases, opening, strict=True)
            if change.place is not None
        ],
        batch_size=500,
    )
    return [
        Draft(verb="case.open", target=target(case), after=_telling(case), reason=reason)
        for case in cases
    ]


def _telling(case: Case) -> dict[str, Any]:
    return {
        "state": case.state,
        "version": case.version,
        "severity": case.severity,
        "points": round(case.points, 1),
        "fallen": case.fallen,
        "minors": case.minors,
        "assessment": case.assessment_id,
    }
