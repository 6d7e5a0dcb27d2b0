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
from signals.models import Assessment, EvidenceRow, Run

RECENT = timedelta(hours=24)


def time_of(run: Run) -> datetime | None:
    """Before which time the run looked: its own, else just after the last event; None without."""
    if run.as_of is not None or run.instant is not None:
        return run.as_of or run.instant
    last: datetime | None = Event.objects.aggregate(last=Max("published"))["last"]
    return None if last is None else last + timedelta(microseconds=1)


def circumstances(
    assessments: Iterable[Assessment], until: datetime | None
) -> dict[int, Circumstances]:
    """The circumstances of each assessment, by its id, from its evidence rows.

    A child's age is the recorded one on the day of the first row that names the child. Recent: the
    account itself did something in the 24 hours before ``until``.
    """
    by_id = {assessment.pk: assessment for assessment in assessments}
    bands: dict[int, set[str]] = defaultdict(set)
    rows = (
        EvidenceRow.objects.filter(assessment__in=by_id.keys(), target__isnull=False)
        .order_by()
        .values_list(
            "assessment_id",
            "target__birth_date",
            "target__birth_year",
            "target__age_band",
        )
        .annotate(first=Min("at"))
    )
    for number, birth_date, birth_year, age_band, first in rows.iterator(chunk_size=10_000):
        day = first or until
        if day is not None:
            band = band_at(
                day.date(), birth_date=birth_date, birth_year=birth_year, age_band=age_band
            )
            bands[number].add(band)
    accepted = _accepted(by_id)
    recent = _active_since([a.account_id for a in by_id.values()], until)
    return {
        number: Circumstances(
            youngest=youngest(bands[number]),
            accepted=accepted.get(number, 0),
            linked=len(assessment.summary.get("linked", ())),
            recent=assessment.account_id in recent,
        )
        for number, assessment in by_id.items()
    }


def with_new_events(pairs: Mapping[int, int]) -> set[int]:
    """Those new assessments that rest on an event which the older one could not know.

    ``pairs`` maps a new assessment's id to the older one's. A run knew the events that its basis
    (``signals.basis``) covers and that were published before the time it looked from.
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
            CROSS JOIN LATERAL (
                SELECT * FROM accounts_event event WHERE event.id = row.event_id LIMIT 1
            ) event
            WHERE event.id > coalesce((run.basis #>> '{graph,last,2}')::bigint, 0)
               OR run.basis #> '{graph,unfinished}' @> to_jsonb(event.batch_id)
               OR event.published >= run.as_of
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
            -- A contact stands there once for each indicator that it says something about.
            FROM (
                SELECT DISTINCT assessment_id, target_id, event_id FROM signals_evidencerow
                WHERE assessment_id = ANY(%s) AND target_id IS NOT NULL
            ) row
            -- Row by row: nothing is known yet about rows that were just written, and a join that
            -- is planned without reads all events of the platform.
            CROSS JOIN LATERAL (
                SELECT 1 FROM accounts_event answer
                WHERE answer.ref_id = row.event_id AND answer.type = 'Accept' LIMIT 1
            ) accepted
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
            actor__in=accounts, published__gte=until - RECENT, published__lt=until
        ).values_list("actor_id", flat=True)
    )
