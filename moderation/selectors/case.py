"""What the case page says about the flagged account: who, why, and on what it rests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from accounts.models import Account
from moderation.domain import current
from moderation.domain.ages import MINOR_BANDS, UNKNOWN
from moderation.domain.transitions import LIVE_STATES
from moderation.models import Case
from moderation.selectors.people import BANDS, Person, band_on
from signals.models import Assessment, EvidenceRow
from signals.spec import ThresholdSpec

ROWS = 200
"""Rows of evidence that a page shows at once; the sentence counts all of them."""

STRETCHES: dict[str, str] = {
    "90d": "the last 90 days",
    "365d": "the last 365 days",
    "all": "the whole history",
}


_POINTS = re.compile(r" (?:[+−]\d+|No) points\.$")


def without_points(sentence: str) -> str:
    """A sentence as pages show it, which have the points in a column of their own."""
    return _POINTS.sub("", sentence)


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence of the explanation, with the points that it brings."""

    indicator: str
    name: str
    sentence: str
    points: float
    stretch: str
    rows: int

    @classmethod
    def of(cls, contribution: dict[str, Any]) -> Reason:
        said = contribution.get("sentence") or contribution.get("reason")
        return cls(
            indicator=str(contribution["indicator"]),
            name=str(contribution["name"]),
            sentence=without_points(str(said or "Not enough evidence.")),
            points=float(contribution.get("points") or 0.0),
            stretch=STRETCHES.get(contribution.get("stretch") or "", ""),
            rows=int(contribution.get("rows") or 0),
        )


WEAK: Final = 20.0
"""Points: what moves the score by less does not even double, or halve, the odds."""

AT_LEAST: Final = 3
"""So many reasons of each side stand in sight, however weak."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the balance, strongest first: what is read at once, and what is opened.

    The same rule for both sides, so that neither is told more briefly than the other.
    """

    main: list[Reason]
    weaker: list[Reason]

    @classmethod
    def of(cls, reasons: list[Reason]) -> Side:
        main = max(AT_LEAST, sum(abs(reason.points) >= WEAK for reason in reasons))
        # one alone takes no more room than the line that would open it
        main = main if len(reasons) - main > 1 else len(reasons)
        return cls(reasons[:main], reasons[main:])

    @property
    def points_of_weaker(self) -> float:
        return sum(reason.points for reason in self.weaker)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The sentences of an assessment: for a closer look, against it, and what could not be said."""

    raises: list[Reason]
    lowers: list[Reason]
    neutral: list[Reason]
    not_assessed: list[Reason]
    stretch: str

    @property
    def points_for(self) -> float:
        return sum(reason.points for reason in self.raises)

    @property
    def points_against(self) -> float:
        return sum(reason.points for reason in self.lowers)

    @property
    def for_it(self) -> Side:
        return Side.of(self.raises)

    @property
    def against_it(self) -> Side:
        return Side.of(self.lowers)

    @property
    def reasons(self) -> list[Reason]:
        return [*self.raises, *self.lowers, *self.neutral, *self.not_assessed]


def explanation(assessment: Assessment) -> Explanation:
    """The stored contributions of an assessment, in their stored order, by direction."""
    by_direction: dict[str, list[Reason]] = {}
    for contribution in assessment.contributions:
        direction = contribution.get("direction") or "neutral"
        by_direction.setdefault(direction, []).append(Reason.of(contribution))
    return Explanation(
        raises=by_direction.get("raises", []),
        lowers=by_direction.get("lowers", []),
        neutral=by_direction.get("neutral", []),
        not_assessed=by_direction.get("not_assessed", []),
        stretch=STRETCHES.get(assessment.stretch, assessment.stretch),
    )


def fallen(case: Case) -> str:
    """That the score of a live case has fallen, with its numbers; "" where it has not.

    The numbers are those of the threshold set that the shown assessment was computed with.
    """
    if not case.fallen or case.state not in LIVE_STATES:
        return ""
    thresholds = case.assessment.run.thresholds
    spec = ThresholdSpec.from_dict(thresholds.spec) if thresholds else ThresholdSpec()
    return current.sentence(case.points, current.Bounds.of(spec))


@dataclass(frozen=True, slots=True)
class Evidence:
    """The rows behind one sentence. ``total`` may be more than the rows shown."""

    reason: Reason
    rows: list[EvidenceRow]
    people: list[Person | None]
    total: int

    def __iter__(self) -> Any:
        return iter(zip(self.rows, self.people, strict=True))


def evidence(case: Case, reason: Reason, people: dict[int, Person]) -> Evidence:
    """The first ``ROWS`` rows behind a sentence, by time; those that it counts come first."""
    rows = EvidenceRow.objects.filter(assessment_id=case.assessment_id, indicator=reason.indicator)
    shown = list(rows.order_by("-counted", "at", "pk")[:ROWS])
    total = len(shown) if len(shown) < ROWS else rows.count()
    named = [None if row.target_id is None else people.get(row.target_id) for row in shown]
    return Evidence(reason, shown, named, total)


@dataclass(frozen=True, slots=True)
class Profile:
    """Who the flagged account says it is. ``age`` reads "34", "18 or over" or "not recorded".

    ``hidden``: it is recorded as a child's, so its name and exact age wait for a reveal.
    """

    account_id: str
    display_name: str
    age: str
    age_source: str
    recorded_minor: bool
    hidden: bool
    region: str
    community: str
    role: str
    status: str
    tenure: str


def is_recorded_minor(account: Account) -> bool:
    """Whether the flagged account is recorded as a child's today."""
    return band_on(account, None) in MINOR_BANDS


def profile(account: Account, *, named: bool = False) -> Profile:
    """What is recorded about a flagged account, in words. The display name is its own choice.

    A recorded child stays without a name and with an age band unless ``named``: also flagged, it
    is a child.
    """
    band = band_on(account, None)
    hidden = band in MINOR_BANDS and not named
    today = timezone.localdate()
    age = BANDS[band]
    if hidden:
        pass
    elif account.birth_date is not None:
        born = account.birth_date
        passed = (today.month, today.day) >= (born.month, born.day)
        age = str(today.year - born.year - (not passed))
    elif account.birth_year is not None:
        age = f"about {today.year - account.birth_year}"
    elif band == UNKNOWN:
        age = "not recorded"
    return Profile(
        account_id=account.account_id,
        display_name="" if hidden else account.display_name,
        age=age,
        age_source="" if age == "not recorded" else account.get_age_source_display(),
        recorded_minor=band in MINOR_BANDS,
        hidden=hidden,
        region=account.region,
        community=account.community,
        role=account.role,
        status=account.get_status_display(),
        tenure="" if account.created_at is None else _tenure(timezone.now() - account.created_at),
    )


def _tenure(passed: timedelta) -> str:
    days = passed.days
    if days < 60:
        return "1 day" if days == 1 else f"{days} days"
    if days < 730:
        return f"{days // 30} months"
    return f"{days // 365} years"
