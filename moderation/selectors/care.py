"""What somebody has carried in this shift, against its limits; seen by that person alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from moderation.domain import priority
from moderation.domain.ages import UNDER_13
from moderation.domain.care import LONGEST, PAUSE, Category, Limits
from moderation.domain.transitions import State
from moderation.domain.vocabulary import Severity
from moderation.models import CareChoice, CareTerms, Case, Decision, Exposure, Shift
from staff.models import User

CONTACTS = (
    "In the United Kingdom, Samaritans answer at any hour on 116 123.\n"
    "In a crisis anywhere: findahelpline.com."
)
"""Whom to talk to, until an admin has written it."""

FEWEST = 3
"""People whose sums say nothing about one of them."""
_STRETCHES = (("Last 24 hours", timedelta(hours=24)), ("Last 7 days", timedelta(days=7)))

_CATEGORIES: dict[Category, Q] = {
    Category.UNDER_13: Q(priority_factors__youngest=priority.YOUNGEST[UNDER_13]),
    Category.CRITICAL: Q(severity=Severity.CRITICAL),
    Category.AGE_CHECK: Q(kind=Case.Kind.AGE_CHECK),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person stands in the running shift. ``shift`` is None before the first case."""

    shift: Shift | None
    cases: int
    critical: int
    reveals: int
    limits: Limits

    @property
    def reached(self) -> list[str]:
        """The limits that are reached, in words; empty while there is room for another case."""
        said = []
        if self.cases >= self.limits.cases:
            said.append(f"{self.cases} cases")
        if self.critical >= self.limits.critical:
            said.append(f"{self.critical} critical cases")
        if self.reveals >= self.limits.reveals:
            said.append(f"names revealed {self.reveals} times")
        return said

    @property
    def room(self) -> int:
        """How many cases more the shift can hold."""
        return 0 if self.reached else self.limits.cases - self.cases


@dataclass(frozen=True, slots=True)
class Team:
    """What all shifts of a stretch of time have held together; nobody's own numbers.

    ``further``: how often somebody chose to go on past a limit. None where fewer than ``FEWEST``
    people worked: then a sum tells of single people.
    """

    label: str
    people: int
    cases: int | None = None
    critical: int | None = None
    reveals: int | None = None
    skipped: int | None = None
    further: int | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """A shift in numbers, without anything of what was in the cases."""

    shift: Shift
    taken: list[tuple[str, int]]
    skipped: int
    decided: list[tuple[str, int]]
    reveals: int


def terms() -> CareTerms | None:
    """What an admin set last."""
    return CareTerms.objects.first()


def limits(set_: CareTerms | None) -> Limits:
    """The limits of a shift, the usual ones where nobody set any."""
    return Limits() if set_ is None else Limits(set_.cases, set_.critical, set_.reveals)


def contacts() -> list[str]:
    """Whom to talk to, a line each."""
    set_ = terms()
    return ((set_.contacts if set_ else "") or CONTACTS).splitlines()


def running(user: User, now: datetime) -> Shift | None:
    """The shift that is going on: neither ended, nor too long ago."""
    shift = Shift.objects.filter(user=user, ended_at=None).first()
    return None if shift is None or is_over(shift, now) else shift


def is_over(shift: Shift, now: datetime) -> bool:
    """Whether a shift that nobody ended is over by itself."""
    last = shift.exposures.order_by("-at").values_list("at", flat=True).first()
    return now - shift.began_at > LONGEST or now - (last or shift.began_at) > PAUSE


def standing(user: User, now: datetime) -> Standing:
    """Where ``user`` stands now. Four queries."""
    shift = running(user, now)
    if shift is None:
        return Standing(None, 0, 0, 0, limits(terms()))
    return standing_of(shift)


def standing_of(shift: Shift) -> Standing:
    """Where one shift stands. Two queries."""
    set_ = limits(terms())
    counts = shift.exposures.order_by().values_list("sort", "severity").annotate(n=Count("pk"))
    found = {(sort, severity): n for sort, severity, n in counts}
    of_cases = {severity: n for (sort, severity), n in found.items() if sort == Exposure.Sort.CASE}
    return Standing(
        shift=shift,
        cases=sum(of_cases.values()),
        critical=of_cases.get(Severity.CRITICAL, 0),
        reveals=sum(n for (sort, _), n in found.items() if sort == Exposure.Sort.REVEAL),
        limits=set_.further(shift.further),
    )


def carried(standing: Standing) -> set[int]:
    """Ids of the cases that the shift has held: to take one again adds nothing. One query."""
    if standing.shift is None:
        return set()
    held = standing.shift.exposures.filter(sort=Exposure.Sort.CASE)
    return set(held.values_list("case", flat=True))


def team(now: datetime) -> list[Team]:
    """What everybody's shifts have held together lately. Four queries."""
    totals = []
    for label, length in _STRETCHES:
        since = now - length
        rows = Exposure.objects.filter(at__gt=since)
        cases = Q(sort=Exposure.Sort.CASE)
        sums = rows.aggregate(
            people=Count("shift__user", distinct=True),
            cases=Count("pk", filter=cases),
            critical=Count("pk", filter=cases & Q(severity=Severity.CRITICAL)),
            reveals=Count("pk", filter=Q(sort=Exposure.Sort.REVEAL)),
            skipped=Count("pk", filter=Q(skipped=True)),
        )
        if sums["people"] < FEWEST:
            totals.append(Team(label, sums["people"]))
            continue
        shifts = Shift.objects.filter(exposures__at__gt=since).distinct()
        further = sum(shifts.values_list("further", flat=True))
        totals.append(Team(label, further=further, **sums))
    return totals


def left_out(user: User) -> list[str]:
    """The categories that ``user`` leaves to others."""
    found = CareChoice.objects.filter(user=user).values_list("left_out", flat=True).first()
    return found or []


def holds_back(user: User, now: datetime) -> bool:
    """Whether open cases wait that ``user`` left out or skipped."""
    return Case.objects.filter(not_for(user, now), state=State.OPEN).exists()


def not_for(user: User, now: datetime) -> Q:
    """The cases that "next case" must not offer ``user``: left out, or skipped in this shift."""
    condition = Q(pk__in=[])
    for code in left_out(user):
        condition |= _CATEGORIES[Category(code)]
    shift = running(user, now)
    if shift is not None:
        skipped = shift.exposures.filter(skipped=True).values_list("case", flat=True)
        condition |= Q(pk__in=list(skipped))
    return condition


def summary(shift: Shift) -> Summary:
    """The numbers of one shift. Three queries."""
    rows = list(shift.exposures.values_list("sort", "severity", "skipped"))
    taken = Counter(severity for sort, severity, _ in rows if sort == Exposure.Sort.CASE)
    decided = Decision.objects.filter(by=shift.user_id, at__gte=shift.began_at)
    if shift.ended_at is not None:
        decided = decided.filter(at__lte=shift.ended_at)
    verbs = Counter(decided.values_list("verb", flat=True))
    return Summary(
        shift=shift,
        taken=[(severity.value, taken[severity]) for severity in Severity if taken[severity]],
        skipped=sum(skipped for _, _, skipped in rows),
        decided=sorted(verbs.items()),
        reveals=sum(sort == Exposure.Sort.REVEAL for sort, _, _ in rows),
    )
