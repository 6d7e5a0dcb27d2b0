"""The deadlines in force, and their form in the database and in the trail."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

from moderation.domain.deadlines import STANDING, Terms, WorkingTime
from moderation.domain.vocabulary import Severity
from moderation.models import DeadlineTerms


def current() -> Terms:
    """The terms that count now: the newest that an admin set. One query."""
    spec = DeadlineTerms.objects.order_by("-pk").values_list("spec", flat=True).first()
    return STANDING if spec is None else read(spec)


def read(spec: dict[str, Any]) -> Terms:
    """Terms from their plain form. Raises KeyError or ValueError for anything else."""
    return Terms(
        allowed={Severity(name): timedelta(hours=hours) for name, hours in spec["hours"].items()},
        working=WorkingTime(
            zone=spec["zone"],
            days=frozenset(spec["days"]),
            start=time.fromisoformat(spec["start"]),
            end=None if spec["end"] is None else time.fromisoformat(spec["end"]),
            holidays=frozenset(date.fromisoformat(day) for day in spec["holidays"]),
        ),
    )


def plain(terms: Terms) -> dict[str, Any]:
    """The plain form: hours by severity, the zone's name, days (0 is Monday), times, holidays."""
    working = terms.working
    return {
        "hours": {name.value: terms.allowed[name].total_seconds() / 3600 for name in Severity},
        "zone": working.zone,
        "days": sorted(working.days),
        "start": working.start.isoformat("minutes"),
        "end": None if working.end is None else working.end.isoformat("minutes"),
        "holidays": sorted(day.isoformat() for day in working.holidays),
    }
