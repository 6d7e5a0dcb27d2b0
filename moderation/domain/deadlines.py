"""By when somebody has to have looked, in the team's working time.

Time is counted in real seconds between instants: an hour that a clock change takes away is worked
by nobody, and one that it repeats counts twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from moderation.domain.vocabulary import Severity

ALLOWED: Mapping[Severity, timedelta] = {
    Severity.CRITICAL: timedelta(hours=4),
    Severity.HIGH: timedelta(hours=24),
    Severity.STANDARD: timedelta(hours=72),
}
"""What a team has before an admin sets anything else."""

ROUND_THE_CLOCK = frozenset({Severity.CRITICAL})
"""Severities that no closing time and no holiday stops."""

MOST_HOLIDAYS = 366
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """When a team works: from ``start`` to ``end`` of the local days named, but for holidays.

    ``days``: 0 is Monday. ``end`` None is midnight, the end of the day; otherwise it is later than
    ``start``. At least one day, and at most ``MOST_HOLIDAYS`` holidays, so that every wait ends.
    """

    zone: str = "UTC"
    days: frozenset[int] = frozenset(range(7))
    start: time = time(0)
    end: time | None = None
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if not self.days or not self.days <= set(range(7)):
            raise ValueError("A team works on one day of the week at least.")
        if self.end is not None and self.end <= self.start:
            raise ValueError("A working day ends after it starts.")
        if len(self.holidays) > MOST_HOLIDAYS:
            raise ValueError(f"At most {MOST_HOLIDAYS} holidays can be kept.")

    @property
    def always(self) -> bool:
        """Whether the team never closes."""
        return (
            len(self.days) == 7 and not self.holidays and self.start == time(0) and self.end is None
        )

    def shifts(self, since: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The working time from ``since`` on, as pairs of instants (UTC) in order, without end."""
        zone = ZoneInfo(self.zone)
        day = since.astimezone(zone).date()
        while True:
            if day.weekday() in self.days and day not in self.holidays:
                begins = _instant(day, self.start, zone)
                ends = _instant(day + _DAY, time(0), zone)
                if self.end is not None:
                    ends = _instant(day, self.end, zone)
                begins = max(begins, since)
                if begins < ends:
                    yield begins, ends
            day += _DAY


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a case of each severity may wait, and when that time runs."""

    allowed: Mapping[Severity, timedelta] = field(default_factory=lambda: dict(ALLOWED))
    working: WorkingTime = WorkingTime()

    def runs_always(self, severity: Severity) -> bool:
        """Whether the time of a case of ``severity`` runs round the clock."""
        return severity in ROUND_THE_CLOCK or self.working.always


STANDING = Terms()
"""The terms until an admin sets others: round the clock, for the times ``ALLOWED``."""


def due(waiting_since: datetime, severity: Severity, terms: Terms = STANDING) -> datetime:
    """When a case of ``severity`` that waits since ``waiting_since`` must have been decided.

    UTC. Times that run out as a shift ends are due then, not when the next one begins.
    """
    since = waiting_since.astimezone(UTC)
    left = terms.allowed[severity]
    if terms.runs_always(severity):
        return since + left
    for begins, ends in terms.working.shifts(since):
        if ends - begins >= left:
            return begins + left
        left -= ends - begins
    raise AssertionError("shifts have no end")


def worked(since: datetime, until: datetime, working: WorkingTime) -> timedelta:
    """The working time between two instants; zero where ``until`` is not later."""
    total = timedelta()
    if until <= since:
        return total
    if working.always:
        return until - since
    for begins, ends in working.shifts(since.astimezone(UTC)):
        if begins >= until:
            break
        total += min(ends, until) - begins
    return total


def share_used(
    waiting_since: datetime,
    due_at: datetime,
    now: datetime,
    working: WorkingTime | None = None,
) -> float:
    """How much of its time a case has used: 0 when it starts to wait, 1 at its deadline, then more.

    In the ``working`` time, or round the clock where that is None or where none of it lies before
    the deadline, as after a change of the terms. 0 for a deadline that is not after its start.
    """
    if waiting_since >= due_at:
        return 0.0
    time_of = working or WorkingTime()
    if not (allowed := worked(waiting_since, due_at, time_of)):
        return share_used(waiting_since, due_at, now)
    return worked(waiting_since, now, time_of) / allowed


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
