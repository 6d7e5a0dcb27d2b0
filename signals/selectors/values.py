"""What complete runs found: scores in bulk as Arrow, one account's explanation as a row.

pyarrow is imported on use: every process loads this module, few of them read scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from accounts.models import Account
from signals import arrow
from signals.models import Assessment, Run, Score
from signals.selectors.runs import complete_run, latest_run
from signals.spec import KEYS

if TYPE_CHECKING:
    import pyarrow as pa

_PARTS: Final = ("llr", "k", "n")

_QUERY: Final = """
    SELECT account.id AS account, account.account_id, score.points, score.rank, score.flagged,
           score.groups, score.minors, score.stretch, score.points_without_private_fast,
           score.age_check, score.recorded_minor, score.exempt, score.ring,
           score.llr, score.k, score.n
    FROM signals_score score
    JOIN accounts_account account ON account.id = score.account_id
    WHERE score.run_id = {run} ORDER BY score.rank, account.account_id COLLATE "C"
"""


def latest_scores() -> pa.Table:
    """``scores`` of the latest complete run. Raises NoRun before the first."""
    return scores(complete_run())


def scores(run: Run) -> pa.Table:
    """One row an assessed account, best rank first.

    ``account`` (database id), ``account_id`` (the platform's), ``points``, ``rank``, ``flagged``,
    ``groups``, ``minors``, ``stretch``, ``points_without_private_fast``, ``age_check``,
    ``recorded_minor``, ``exempt``, ``ring``; then ``<key>_llr``, ``<key>_k``, ``<key>_n`` for each
    indicator, null where there was not enough evidence. No rows for a run whose values a newer one
    has replaced.
    """
    import pyarrow as pa

    with arrow.connect() as adbc, adbc.cursor() as cursor:
        cursor.execute(_QUERY.format(run=run.pk))
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
    """What the latest complete run that explained ``account`` said about it.

    None where no complete run flagged the account or found a case of it.
    """
    return (
        Assessment.objects.filter(account=account, run__state=Run.State.DONE)
        .select_related("run")
        .order_by("-run__finished_at", "-pk")
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
