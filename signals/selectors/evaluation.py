"""What evaluation asks of the database, beside the scores: groups, first contacts, first flags."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final

import pyarrow as pa
from django.db import connection

from signals import arrow

_BATCH: Final = 10_000

# The recorded age in whole years at the given moment; half a year is added to a bare birth year.
_AGE: Final = """
    CASE WHEN {table}.birth_date IS NOT NULL
         THEN date_part('year', age({moment}, {table}.birth_date))
         WHEN {table}.birth_year IS NOT NULL
         THEN date_part('year', {moment}) - {table}.birth_year - 0.5 END
"""
_GROUPS: Final = """
    WITH latest AS (SELECT coalesce(max(published), now()) AS moment FROM accounts_event),
    aged AS (
        SELECT account.account_id, account.region, account.gender, account.age_band,
               {age} AS years
        FROM accounts_account account, latest WHERE NOT account.provisional
    )
    SELECT account_id, region, gender,
           CASE WHEN years IS NULL AND age_band NOT IN ('', 'unknown') THEN age_band
                WHEN years IS NULL THEN 'unknown'
                WHEN years < 13 THEN 'under_13' WHEN years < 16 THEN '13_15'
                WHEN years < 18 THEN '16_17' WHEN years < 25 THEN '18_24'
                WHEN years < 40 THEN '25_39' ELSE '40_plus' END AS age_band
    FROM aged
"""
_FIRST_CONTACTS: Final = """
    SELECT actor.account_id, min(event.published)
    FROM accounts_account actor
    JOIN accounts_event event ON event.actor_id = actor.id
    JOIN accounts_account target ON target.id = event.object_id
    WHERE actor.account_id = ANY(%s) AND event.type IN ('Offer', 'Follow', 'Create')
      AND coalesce({age} < 18, target.age_band IN ('under_13', '13_15', '16_17'))
    GROUP BY actor.account_id
"""
_FIRST_FLAGS: Final = """
    SELECT account.account_id, min(coalesce(run.as_of, assessment.created_at))
    FROM signals_assessment assessment
    JOIN signals_run run ON run.id = assessment.run_id
    JOIN accounts_account account ON account.id = assessment.account_id
    WHERE run.state = 'done' AND assessment.flagged AND account.account_id = ANY(%s)
    GROUP BY account.account_id
"""


def account_groups() -> pa.Table:
    """``account_id``, ``region``, ``gender`` and recorded ``age_band``, one row an account.

    Ages are those at the last event. Adults of known age are split into 18–24, 25–39 and 40+.
    """
    query = _GROUPS.format(age=_AGE.format(table="account", moment="latest.moment"))
    with arrow.connect() as adbc, adbc.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetch_arrow_table()


def first_child_contacts(account_ids: Collection[str]) -> dict[str, datetime]:
    """When each account first turned to an account recorded as under 18; absent if never."""
    query = _FIRST_CONTACTS.format(age=_AGE.format(table="target", moment="event.published"))
    return _moments(query, account_ids)


def first_flags(account_ids: Collection[str]) -> dict[str, datetime]:
    """When each account was first flagged by a complete run, as of that run's own time.

    Explanations of accounts that have no case go with later runs, so this answers for accounts
    with a case and for those that the latest run flagged.
    """
    return _moments(_FIRST_FLAGS, account_ids)


def _moments(query: str, account_ids: Collection[str]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    with connection.cursor() as cursor:
        for names in _batches(sorted(account_ids)):
            cursor.execute(query, [names])
            found |= dict(cursor.fetchall())
    return found


def _batches(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), _BATCH):
        yield names[start : start + _BATCH]
