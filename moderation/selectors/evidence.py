"""What an assessment rests on, for the rules that open, rank and reopen cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Max, Min

from accounts.models import Event
from moderation.domain.ages import band_at, youngest
from moderation.domain.priority import Circumstances
from signals.models import EvidenceRow, Run

RECENT = timedelta(hours=24)


def time_of(run: Run) -> datetime | None:
    """Up to when the run looked: its own time, else the last event's; None without any event."""
    if run.as_of is not None:
        return run.as_of
    last: datetime | None = Event.objects.aggregate(last=Max("published"))["last"]
    return last


def circumstances(
    assessments: Mapping[int, int], until: datetime | None
) -> dict[int, Circumstances]:
    """The circumstances of each assessment, from its evidence rows.

    ``assessments`` maps an assessment's id to its account's. A child's age is the recorded one on
    the day of the first row that names the child. Recent: the account itself did something in the
    24 hours before ``until``.
    """
    bands: dict[int, set[str]] = defaultdict(set)
    rows = (
        EvidenceRow.objects.filter(assessment__in=assessments, target__isnull=False)
        .order_by()
        .values_list(
            "assessment_id",
            "target__birth_date",
            "target__birth_year",
            "target__age_band",
        )
        .annotate(first=Min("at"))
    )
    for assessment, birth_date, birth_year, age_band, first in rows.iterator(chunk_size=10_000):
        day = first or until
        if day is not None:
            band = band_at(
                day.date(), birth_date=birth_date, birth_year=birth_year, age_band=age_band
            )
            bands[assessment].add(band)
    accepted = _accepted(assessments)
    recent = _active_since(assessments.values(), until)
    return {
        assessment: Circumstances(
            youngest=youngest(bands[assessment]),
            accepted=accepted.get(assessment, 0),
            recent=account in recent,
        )
        for assessment, account in assessments.items()
    }


def with_new_events(pairs: Mapping[int, int]) -> set[int]:
    """Those new assessments that rest on an event which the older one could not know.

    ``pairs`` maps a new assessment's id to the older one's. An older run knew an event that was
    imported before it started and, where it looked as of a time, published by then.
    """
    if not pairs:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT pair.new
            FROM unnest(%s::bigint[], %s::bigint[]) AS pair (new, old)
            JOIN signals_assessment older ON older.id = pair.old
            JOIN signals_run run ON run.id = older.run_id
            JOIN signals_evidencerow row ON row.assessment_id = pair.new
            JOIN accounts_event event ON event.id = row.event_id
            LEFT JOIN accounts_importbatch batch ON batch.id = event.batch_id
            WHERE batch.finished_at IS NULL
               OR batch.finished_at > coalesce(run.started_at, run.created_at)
               OR event.published > run.as_of
            """,
            [list(pairs), list(pairs.values())],
        )
        return {assessment for (assessment,) in cursor.fetchall()}


def _accepted(assessments: Iterable[int]) -> dict[int, int]:
    """Distinct children of the evidence who accepted a contact that is part of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT row.assessment_id, count(DISTINCT row.target_id)
            FROM signals_evidencerow row
            JOIN accounts_event answer ON answer.ref_id = row.event_id AND answer.type = 'Accept'
            WHERE row.assessment_id = ANY(%s)
            GROUP BY row.assessment_id
            """,
            [list(assessments)],
        )
        return dict(cursor.fetchall())


def _active_since(accounts: Iterable[int], until: datetime | None) -> set[int]:
    if until is None:
        return set()
    return set(
        Event.objects.filter(
            actor__in=accounts, published__gt=until - RECENT, published__lte=until
        ).values_list("actor_id", flat=True)
    )
