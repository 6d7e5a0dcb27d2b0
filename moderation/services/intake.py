"""From a run's assessments to cases: open, update, resume, reopen. Called as a run's last stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from moderation.domain import deadlines, priority
from moderation.domain.ages import MINOR_BANDS, band_at
from moderation.domain.intake import Found, Known, Step, judge
from moderation.domain.priority import Circumstances
from moderation.domain.severity import graver, severity_of
from moderation.domain.transitions import State
from moderation.domain.vocabulary import Severity
from moderation.models import Case
from moderation.selectors import evidence
from moderation.services.moves import target
from moderation.services.references import next_references
from signals.models import Assessment, Run
from signals.spec import ThresholdSpec
from staff.capabilities import Capability

_LOCK = 0x5174_CA5E
"""Key of the advisory lock under which one intake runs at a time."""

_CHUNK = 500
_REASONS = 3


@dataclass(slots=True)
class _Candidate:
    """One assessment of the run, reduced to what a case keeps of it."""

    assessment: int
    account: int
    kind: str
    headline: list[dict[str, Any]]
    circumstances: Circumstances
    found: Found


@dataclass(slots=True)
class _Told:
    """One audit entry to be written once everything else is done."""

    verb: str
    case: Case
    before: dict[str, Any]
    after: dict[str, Any]


def open_cases(run: Run, actor: Actor) -> tuple[int, int]:
    """Open a case for each flagged account without one and bring known cases up to date.

    Returns how many cases were opened and how many existing ones changed (updated, resumed or
    reopened). ``moderation.domain.intake.judge`` holds the rules. All in one transaction, so a
    run that is killed leaves nothing behind; a run that was taken in already changes nothing.
    Where the threshold set gives a capacity, the accounts with most points open that many cases
    in a day (UTC) and the others wait for a later run. Raises NotAllowed.
    """
    actor.require(Capability.START_RUNS)
    spec = ThresholdSpec.from_dict(run.thresholds.spec) if run.thresholds else ThresholdSpec()
    with transaction.atomic():
        _one_at_a_time()
        now = timezone.now()
        changes = list(_changes(run, spec))
        told = _change_known([c for c in changes if c[1] is not Step.OPEN], spec, now)
        updated = sum(entry.verb != "case.rebase" for entry in told)
        wanted = sorted(
            (candidate for candidate, step in changes if step is Step.OPEN),
            key=lambda candidate: (-candidate.found.points, candidate.account),
        )
        opening = wanted[: _room(spec, now)]
        told += _open(opening, now)
        if told or len(opening) < len(wanted):
            _record(run, actor, told, waiting=len(wanted) - len(opening))
    return len(opening), updated


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _changes(run: Run, spec: ThresholdSpec) -> Iterator[tuple[_Candidate, Step]]:
    """The assessments of the run that change something, as far as can be seen without locks."""
    until = evidence.time_of(run)
    for chunk in _chunks(run):
        known = _latest_cases([assessment.account_id for assessment in chunk])
        older = {
            a.pk: case.assessment_id
            for a in chunk
            if (case := known.get(a.account_id)) and case.state in _ENDED
        }
        new_events = evidence.with_new_events(older)
        circumstances = evidence.circumstances({a.pk: a.account_id for a in chunk}, until)
        for assessment in chunk:
            candidate = _candidate(
                run,
                assessment,
                circumstances[assessment.pk],
                new_events=assessment.pk in new_events,
                day=until,
            )
            step = judge(
                _known(known.get(assessment.account_id)),
                candidate.found,
                reopen_points=spec.reopen_points,
            )
            if step is not Step.NOTHING:
                yield candidate, step


_ENDED = frozenset({State.DISMISSED.value, State.REFERRED.value})


def _chunks(run: Run) -> Iterator[list[Assessment]]:
    last = 0
    while True:
        chunk = list(
            Assessment.objects.filter(run=run, account__gt=last)
            .select_related("account")
            .order_by("account_id")[:_CHUNK]
        )
        if not chunk:
            return
        yield chunk
        last = chunk[-1].account_id


def _latest_cases(accounts: list[int]) -> dict[int, Case]:
    cases = (
        Case.objects.filter(account__in=accounts)
        .select_related("assessment__run")
        .defer("assessment__contributions", "assessment__summary", "assessment__run__figures")
        .order_by("account_id", "-id")
        .distinct("account_id")
    )
    return {case.account_id: case for case in cases}


def _candidate(
    run: Run,
    assessment: Assessment,
    circumstances: Circumstances,
    *,
    new_events: bool,
    day: datetime | None,
) -> _Candidate:
    account = assessment.account
    recorded = band_at(
        (day or run.created_at).date(),
        birth_date=account.birth_date,
        birth_year=account.birth_year,
        age_band=account.age_band,
    )
    headline = [
        {name: contribution.get(name) for name in ("indicator", "name", "points", "sentence")}
        for contribution in assessment.contributions
        if contribution.get("direction") == "raises"
    ][:_REASONS]
    return _Candidate(
        assessment=assessment.pk,
        account=assessment.account_id,
        kind=Case.Kind.AGE_CHECK if recorded in MINOR_BANDS else Case.Kind.SUSPICION,
        headline=headline,
        circumstances=circumstances,
        found=Found(
            run=run.pk,
            thresholds=run.thresholds_id,
            flagged=assessment.flagged,
            points=assessment.points,
            minors=assessment.minors,
            reasons=_reasons(headline),
            severity=severity_of(assessment.points, circumstances.youngest),
            new_events=new_events,
        ),
    )


def _reasons(headline: list[dict[str, Any]]) -> frozenset[str]:
    return frozenset(str(reason["indicator"]) for reason in headline)


def _known(case: Case | None) -> Known | None:
    if case is None:
        return None
    return Known(
        state=State(case.state),
        run=case.assessment.run_id,
        thresholds=case.assessment.run.thresholds_id,
        points=case.points,
        points_when_decided=case.points_when_decided,
        minors=case.minors,
        reasons=_reasons(case.headline),
        severity=Severity(case.severity),
        judged=_is_judged(case),
    )


def _change_known(
    changes: list[tuple[_Candidate, Step]], spec: ThresholdSpec, now: datetime
) -> list[_Told]:
    """Lock the cases, judge again, and write all whose step is still the same at once.

    Who decided on a case in the meantime wins; the next run looks at it again.
    """
    candidates = {candidate.account: (candidate, step) for candidate, step in changes}
    ids = [case.pk for case in _latest_cases(list(candidates)).values()]
    locked = (
        Case.objects.select_for_update(of=("self",))
        .filter(pk__in=ids)
        .select_related("assessment__run")
        .defer("assessment__contributions", "assessment__summary", "assessment__run__figures")
        .order_by("id")
    )
    cases, told = [], []
    for case in locked:
        candidate, step = candidates[case.account_id]
        if judge(_known(case), candidate.found, reopen_points=spec.reopen_points) is step:
            told.append(_apply(case, step, candidate, now))
            cases.append(case)
    Case.objects.bulk_update(cases, _WRITTEN, batch_size=_CHUNK)
    return told


_WRITTEN = [
    "state",
    "severity",
    "priority",
    "priority_factors",
    "points",
    "headline",
    "minors",
    "assessment",
    "version",
    "waiting_since",
    "due_at",
    "monitor_until",
    "points_when_decided",
    "updated_at",
]


def _apply(case: Case, step: Step, candidate: _Candidate, now: datetime) -> _Told:
    before = _telling(case)
    found = candidate.found
    severity = Severity(case.severity)
    if step is Step.REOPEN:
        severity = found.severity
    elif step is not Step.REBASE and not _is_judged(case):
        severity = graver(severity, found.severity)
    if step in {Step.RESUME, Step.REOPEN}:
        case.state = State.OPEN
        case.monitor_until = None
        case.waiting_since, case.due_at = now, deadlines.due(now, severity)
    elif severity != case.severity and case.state != State.MONITORING:
        case.due_at = deadlines.due(case.waiting_since, severity)
    if step is Step.REBASE:
        case.points_when_decided = found.points
    case.severity = severity
    case.points = found.points
    case.minors = found.minors
    case.headline = candidate.headline
    case.assessment_id = candidate.assessment
    _rank(case, candidate.circumstances, now)
    case.version += 1
    case.updated_at = now
    return _Told(f"case.{step}", case, before, _telling(case))


def _is_judged(case: Case) -> bool:
    """Whether the severity is a person's word, given on escalating and not decided on since."""
    return case.escalated_at is not None and (
        case.decided_at is None or case.decided_at < case.escalated_at
    )


def _rank(case: Case, circumstances: Circumstances, now: datetime) -> None:
    used = 0.0
    if case.state != State.MONITORING:
        used = deadlines.share_used(case.waiting_since, case.due_at, now)
    case.priority_factors = priority.factors(case.points, circumstances, used)
    case.priority = priority.priority(case.priority_factors)


def _room(spec: ThresholdSpec, now: datetime) -> int | None:
    """How many more cases may open today; None without a limit."""
    if spec.capacity is None:
        return None
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return max(0, spec.capacity - Case.objects.filter(opened_at__gte=today).count())


def _open(opening: list[_Candidate], now: datetime) -> list[_Told]:
    cases = []
    for candidate, reference in zip(opening, next_references(len(opening), now), strict=True):
        found = candidate.found
        case = Case(
            reference=reference,
            account_id=candidate.account,
            kind=candidate.kind,
            severity=found.severity,
            points=found.points,
            headline=candidate.headline,
            minors=found.minors,
            assessment_id=candidate.assessment,
            opened_at=now,
            waiting_since=now,
            due_at=deadlines.due(now, found.severity),
        )
        _rank(case, candidate.circumstances, now)
        cases.append(case)
    Case.objects.bulk_create(cases, batch_size=_CHUNK)
    return [_Told("case.open", case, {}, _telling(case)) for case in cases]


def _telling(case: Case) -> dict[str, Any]:
    return {
        "state": case.state,
        "version": case.version,
        "severity": case.severity,
        "points": round(case.points, 1),
        "minors": case.minors,
        "assessment": case.assessment_id,
    }


def _record(run: Run, actor: Actor, told: list[_Told], *, waiting: int) -> None:
    """An entry for each case, and one for the run where accounts wait for capacity."""
    for entry in told:
        record(
            actor=actor,
            verb=entry.verb,
            target=target(entry.case),
            before=entry.before,
            after=entry.after,
            reason=f"run {run.pk}",
        )
    if waiting:
        record(
            actor=actor,
            verb="case.capacity",
            target=f"run:{run.pk}",
            after={"waiting": waiting},
        )
