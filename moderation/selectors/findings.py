"""A run's assessments beside what the cases already know: which of them change something."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

from moderation.domain import priority
from moderation.domain.ages import MINOR_BANDS, band_at
from moderation.domain.current import DEFAULT, Bounds
from moderation.domain.intake import Found, Known, Step, is_newer, judge
from moderation.domain.priority import Circumstances
from moderation.domain.severity import severity_of
from moderation.domain.transitions import LIVE_STATES, State
from moderation.domain.vocabulary import Severity
from moderation.models import Case
from moderation.selectors import evidence
from signals.draws import sample_of
from signals.models import Assessment, Run, ThresholdSet

if TYPE_CHECKING:
    from signals.engine.sample import Sample

_CHUNK = 500
_REASONS = 3
_ENDED = frozenset({State.DISMISSED.value, State.REFERRED.value})


@dataclass(frozen=True, slots=True)
class Finding:
    """One assessment, reduced to what a case keeps of it, and the step that it asks for.

    ``place``: where the account stands in the random draw; None where that does not open its case.
    """

    assessment: int
    account: int
    kind: Case.Kind
    headline: list[dict[str, Any]]
    circumstances: Circumstances
    found: Found
    step: Step
    place: int | None = None


BoundsOfSets = Mapping[int | None, Bounds]
"""The bounds of each threshold set by its id; None: a run from before there were sets."""


def bounds_of_sets() -> BoundsOfSets:
    """Every threshold set's bounds. One query; few sets were ever in force."""
    # What an old stored set does not say is as it is by default.
    sets = ThresholdSet.objects.values_list("pk", "spec__open_at", "spec__keep_margin")
    known: dict[int | None, Bounds] = {
        pk: Bounds(
            DEFAULT.open_at if open_at is None else open_at,
            DEFAULT.keep_margin if keep_margin is None else keep_margin,
        )
        for pk, open_at, keep_margin in sets
    }
    return known | {None: DEFAULT}


def findings(run: Run, *, reopen_points: float, bounds: BoundsOfSets) -> Iterator[Finding]:
    """The assessments of ``run`` that change something, as far as can be seen without locks."""
    until = evidence.time_of(run)
    sample = sample_of(run)
    for chunk in _chunks(run):
        known = latest_cases(assessment.account_id for assessment in chunk)
        ended = {
            assessment.pk: case.assessment_id
            for assessment in chunk
            if (case := known.get(assessment.account_id)) and case.state in _ENDED
        }
        new_events = evidence.with_new_events(ended)
        circumstances = evidence.circumstances(chunk, until)
        places = _places(sample, (one for one in chunk if one.account_id not in known))
        for assessment in chunk:
            headline = _headline(assessment)
            around = circumstances[assessment.pk]
            case = known.get(assessment.account_id)
            place = places.get(assessment.account_id)
            found = Found(
                run=run.order,
                thresholds=run.thresholds_id,
                flagged=assessment.flagged,
                points=assessment.points,
                minors=assessment.minors,
                reasons=_reasons(headline),
                severity=severity_of(assessment.points, around.youngest),
                until=run.as_of,
                new_events=assessment.pk in new_events,
                bounds=bounds[run.thresholds_id],
                drawn=place is not None,
            )
            known_case = None if case is None else known_of(case, bounds)
            step = judge(known_case, found, reopen_points=reopen_points)
            if case and known_case and step is Step.NOTHING:
                step = _ranked(case, known_case, found, around)
            if step is not Step.NOTHING:
                yield Finding(
                    assessment=assessment.pk,
                    account=assessment.account_id,
                    kind=_kind(assessment, until or run.created_at),
                    headline=headline,
                    circumstances=around,
                    found=found,
                    step=step,
                    place=place,
                )


def _places(sample: Sample | None, assessments: Iterable[Assessment]) -> dict[int, int]:
    """Where the accounts that ``sample`` draws stand in the draw, by account.

    The engine explains whom it draws by the same rules (``signals.engine.explain.wanted``). They
    are asked again here, so that nothing which is stored about an assessment marks it.
    """
    if sample is None:
        return {}
    return sample.place_of(
        [
            assessment.account_id
            for assessment in assessments
            if not assessment.flagged
            # What is not known of an assessment does not let it in.
            and not assessment.summary.get("exempt", True)
            and not assessment.summary.get("recorded_minor", True)
        ]
    )


def latest_cases(accounts: Iterable[int]) -> dict[int, Case]:
    """The latest case of each of ``accounts`` that has one."""
    latest = with_run(Case.objects.filter(account__in=list(accounts)))
    ordered = latest.order_by("account_id", "-id").distinct("account_id")
    return {case.account_id: case for case in ordered}


def with_run(cases: QuerySet[Case]) -> QuerySet[Case]:
    """``cases`` with what ``known_of`` reads, and without the long texts of their assessments."""
    return cases.select_related("assessment__run").defer(
        "assessment__contributions",
        "assessment__summary",
        "assessment__run__figures",
        "assessment__run__basis",
    )


def known_of(case: Case, bounds: BoundsOfSets) -> Known:
    """What the rules of intake look at."""
    return Known(
        state=State(case.state),
        run=case.assessment.run.order,
        thresholds=case.assessment.run.thresholds_id,
        points=case.points,
        points_when_decided=case.points_when_decided,
        minors=case.minors,
        reasons=_reasons(case.headline),
        severity=Severity(case.severity),
        until=case.assessment.run.as_of,
        judged=is_judged(case),
        fallen=case.fallen,
        bounds=bounds[case.assessment.run.thresholds_id],
    )


def is_judged(case: Case) -> bool:
    """Whether the severity is a person's word, given on escalating and not decided on since."""
    return case.escalated_at is not None and (
        case.decided_at is None or case.decided_at < case.escalated_at
    )


def _ranked(case: Case, known: Known, found: Found, around: Circumstances) -> Step:
    """RANK where a live case keeps its assessment, but what makes it urgent has changed since."""
    anew = (
        case.state in LIVE_STATES
        and is_newer(known, found)
        and priority.with_circumstances(case.priority_factors, around) != case.priority_factors
    )
    return Step.RANK if anew else Step.NOTHING


def _chunks(run: Run) -> Iterator[list[Assessment]]:
    last = 0
    assessments = Assessment.objects.filter(run=run).select_related("account")
    while chunk := list(assessments.filter(account__gt=last).order_by("account_id")[:_CHUNK]):
        yield chunk
        last = chunk[-1].account_id


def _headline(assessment: Assessment) -> list[dict[str, Any]]:
    return [
        {name: contribution.get(name) for name in ("indicator", "name", "points", "sentence")}
        for contribution in assessment.contributions
        if contribution.get("direction") == "raises"
    ][:_REASONS]


def _reasons(headline: list[dict[str, Any]]) -> frozenset[str]:
    return frozenset(str(reason["indicator"]) for reason in headline)


def _kind(assessment: Assessment, at: datetime) -> Case.Kind:
    """An age check where a child is recorded, whether or not the age was verified."""
    account = assessment.account
    recorded = band_at(
        at.date(),
        birth_date=account.birth_date,
        birth_year=account.birth_year,
        age_band=account.age_band,
    )
    minor = assessment.summary.get("recorded_minor", recorded in MINOR_BANDS)
    return Case.Kind.AGE_CHECK if minor else Case.Kind.SUSPICION
