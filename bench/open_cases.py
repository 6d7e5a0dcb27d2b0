"""Open cases in any number, as a run would have opened them, for measurements of pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any


def open_cases(cases: int, run: int, batch: int) -> None:
    """Open cases of every severity, with the sentences that a queue row shows; one in thirty has
    fallen below the threshold since.
    """
    from django.db import connection

    headline = json.dumps(
        [
            contribution("no_mutuals", 46.0),
            contribution("refused", 30.0),
            contribution("burst", 12.0),
        ]
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_account (account_id, birth_date, batch_id)"
            " SELECT 'flagged-' || n, date '1986-05-17', %s FROM generate_series(1, %s) n",
            [batch, cases],
        )
        cursor.execute(
            "INSERT INTO signals_assessment (run_id, account_id, points, flagged, groups, minors,"
            " stretch, contributions, summary, created_at)"
            " SELECT %s, id, 100 + id %% 300, true, 2, 4, 'all', %s, '{}', now()"
            " FROM accounts_account WHERE account_id LIKE 'flagged-%%'",
            [run, headline],
        )
        cursor.execute(
            "INSERT INTO moderation_case (reference, account_id, kind, state, severity, priority,"
            " priority_factors, points, fallen, headline, minors, assessment_id, version,"
            " opened_at, waiting_since, due_at, updated_at)"
            " SELECT 'SL-2026-' || lpad(row_number() OVER (ORDER BY id)::text, 6, '0'), account_id,"
            " 'suspicion', 'open',"
            " (array['standard', 'high', 'critical'])[1 + id %% 3], points + id %% 97,"
            " jsonb_build_object('points', points, 'youngest', 20, 'waiting', id %% 97),"
            " points, points < 110, %s, minors, id, 1, now(), now(),"
            " now() + interval '20 hours', now()"
            " FROM signals_assessment WHERE run_id = %s",
            [headline, run],
        )
        cursor.execute(
            "INSERT INTO moderation_referencecounter (year, last) VALUES (2026, %s)"
            " ON CONFLICT (year) DO UPDATE SET last = excluded.last",
            [cases],
        )


def new_run() -> Any:
    """A complete run without assessments."""
    from signals.models import Run

    now = datetime.now(UTC)
    return Run.objects.create(trigger="command", state="done", started_at=now, finished_at=now)


def contribution(indicator: str, points: float) -> dict[str, Any]:
    """A sentence that raises the score."""
    return {
        "indicator": indicator,
        "name": f"Name of {indicator}",
        "direction": "raises",
        "points": points,
        "sentence": "604 of 667 first contacts with under-16s had no friend in common.",
        "stretch": "all",
    }


def analyse() -> None:
    """As autovacuum would have done after a while."""
    import psycopg2
    from django.conf import settings

    from config.embedded import DATABASE, EmbeddedServer

    connection = psycopg2.connect(EmbeddedServer.at(settings.SIGHTLINE_HOME).dsn(database=DATABASE))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.close()


def surround(contacts: int, batch: int) -> None:
    """Give each flagged account that many children around it: requests, and answers to half.

    The children are shared, so that cases have some in common. Each request is behind every
    sentence, as evidence.
    """
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_account WHERE account_id LIKE 'flagged-%'")
        cases = int(cursor.fetchone()[0])
        children = max(contacts * 2, cases * 2)
        cursor.execute(
            "INSERT INTO accounts_account (account_id, birth_date, batch_id)"
            " SELECT 'child-' || n, date '2010-03-01' + (n %% 1800), %s"
            " FROM generate_series(0, %s) n",
            [batch, children - 1],
        )
        cursor.execute(
            "INSERT INTO accounts_event (event_id, type, actor_id, object_id, published, batch_id)"
            " SELECT 'offer-' || n || '-' || k, 'Offer', flagged.id, child.id,"
            " timestamptz '2026-01-05' + n * interval '1 minute' + k * interval '9 hours', %s"
            " FROM generate_series(1, %s) n CROSS JOIN generate_series(1, %s) k"
            " JOIN accounts_account flagged ON flagged.account_id = 'flagged-' || n"
            " JOIN accounts_account child"
            " ON child.account_id = 'child-' || ((n * 7 + k * 13) %% %s)",
            [batch, cases, contacts, children],
        )
        cursor.execute(
            "INSERT INTO accounts_event"
            " (event_id, type, actor_id, ref_id, reference, published, batch_id)"
            " SELECT 'answer-' || id, CASE WHEN id %% 4 = 0 THEN 'Reject' ELSE 'Accept' END,"
            " object_id, id, event_id, published + interval '5 hours', %s"
            " FROM accounts_event WHERE type = 'Offer' AND id %% 2 = 0",
            [batch],
        )
        cursor.execute(
            "INSERT INTO signals_evidencerow"
            " (assessment_id, indicator, event_id, target_id, at, counted, facts)"
            " SELECT found.id, said.indicator, offer.id, offer.object_id, offer.published, true,"
            ' \'{"kind": "offer", "outcome": "accepted", "m": 0}\''
            " FROM signals_assessment found"
            " JOIN accounts_event offer ON offer.actor_id = found.account_id"
            " AND offer.type = 'Offer'"
            " CROSS JOIN (VALUES ('no_mutuals'), ('refused'), ('burst')) said (indicator)"
        )
