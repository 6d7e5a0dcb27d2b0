"""What complete runs found: scores in bulk as Arrow, one account's explanation as a row.

pyarrow is imported on use: every process loads this module, few of them read scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db.models.functions import Coalesce

from accounts.models import Account
from signals import arrow
from signals.models import Assessment, Run, Score
from signals.selectors.runs import complete_run, latest_run, prompt_runs
from signals.spec import KEYS

if TYPE_CHECKING:
    import pyarrow as pa

_PARTS: Final = ("llr", "k", "n")

_QUERY: Final = """
    SELECT account.id AS account, account.account_id, score.points, score.rank, score.flagged,
           score.groups, score.minors, score.stretch, score.points_without_private_fast,
           score.age_check, score.recorded_minor, score.exempt, score.ring,
           score.llr, score.k, score.n
    FROM ({scores}) score
    JOIN accounts_account account ON account.id = score.account_id
    ORDER BY score.rank, account.account_id COLLATE "C"
"""
_OF_RUN: Final = "SELECT * FROM signals_score WHERE run_id = {run}"
# One statement sees one state: a prompt run is there whole or not at all.
_WITH_PROMPT: Final = """
    WITH newer AS (
        SELECT DISTINCT ON (score.account_id) score.*
        FROM signals_score score JOIN signals_run run ON run.id = score.run_id
        WHERE score.run_id = ANY(ARRAY{prompt}::bigint[])
        ORDER BY score.account_id, run.read_at DESC, run.id DESC
    )
    SELECT * FROM newer
    UNION ALL
    SELECT * FROM signals_score base
    WHERE base.run_id = {run}
      AND NOT EXISTS (SELECT 1 FROM newer WHERE newer.account_id = base.account_id)
"""


def latest_scores() -> pa.Table:
    """``scores`` of the latest complete run, under those of prompt runs since.

    Raises NoRun before the first.
    """
    run = complete_run()
    prompt = list(prompt_runs(run).values_list("pk", flat=True))
    return _read(run, _WITH_PROMPT.format(run=run.pk, prompt=prompt))


def scores(run: Run) -> pa.Table:
    """What a complete run itself found. One row an assessed account, best rank first.

    ``account`` (database id), ``account_id`` (the platform's), ``points``, ``rank``, ``flagged``,
    ``groups``, ``minors``, ``stretch``, ``points_without_private_fast``, ``age_check``,
    ``recorded_minor``, ``exempt``, ``ring``; then ``<key>_llr``, ``<key>_k``, ``<key>_n`` for each
    indicator, null where there was not enough evidence. No rows for a run whose values a newer one
    has replaced.
    """
    return _read(run, _OF_RUN.format(run=run.pk))


def _read(run: Run, query: str) -> pa.Table:
    import pyarrow as pa

    with arrow.connect() as adbc, adbc.cursor() as cursor:
        cursor.execute(_QUERY.format(scores=query))
        table = cursor.fetch_arrow_table()
    columns = {name: table.column(name) for name in table.column_names if name not in _PARTS}
    for key in KEYS:
        for part in _PARTS:
            columns[f"{key}_{part}"] = _element(table.column(part), run.indicator_keys, key)
    return pa.table(columns)


def score_columns() -> tuple[str, ...]:
    """The columns of an exported file, in their order."""
    indicators = (f"{key}_{part}" for key in KEYS for part in _PARTS)
    return ("account_id", "points", "rank", "flagged", "groups", *indicators)


def export_scores(run: Run) -> pa.Table:
    """``scores`` with the columns of an exported file."""
    return scores(run).select(list(score_columns()))


def latest_assessment(account: Account) -> Assessment | None:
    """What the latest run that explained ``account``, complete or prompt, said about it.

    Of two the one that read the graph later. None where none flagged it or found a case of it.
    """
    return (
        Assessment.objects.filter(account=account, run__state=Run.State.DONE)
        .select_related("run")
        .order_by(Coalesce("run__read_at", "run__created_at").desc(), "-pk")
        .first()
    )


def has_scores(run: Run) -> bool:
    """Whether the values of ``run`` are still kept."""
    latest = latest_run()
    return latest == run or Score.objects.filter(run=run).exists()


def _element(lists: pa.ChunkedArray, keys: list[str], key: str) -> pa.ChunkedArray:
    """The values of one indicator out of lists that hold one value each of ``keys``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if key not in keys or len(lists) == 0:
        return pa.chunked_array([pa.nulls(len(lists), pa.float64())])
    return pc.list_element(lists, keys.index(key))
