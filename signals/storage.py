"""Where the values of a run go: scores by COPY, explanations with their rows, facts as a file.

Nothing here is seen by readers before the run is complete, and what a dead attempt left goes before
the next one writes.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from pyarrow import csv

from signals import arrow, hooks
from signals.attempt import Replaced
from signals.engine.result import Explanation
from signals.models import Assessment, EvidenceRow, Run, Score
from signals.selectors.runs import prompt_runs
from signals.spec import KEYS

KEPT_RUNS: Final = 2
"""Complete runs whose scores and facts are kept: the one in use and the one that readers may
still be reading."""

SCORE_COLUMNS: Final = (
    "points", "rank", "flagged", "groups", "minors", "stretch", "points_without_private_fast",
    "age_check", "recorded_minor", "exempt",
)  # fmt: skip
"""What a score holds in columns of its own, named as in the engine's result."""

_EVIDENCE_FACTS: Final = ("kind", "outcome", "m", "m_star", "deg_u", "deg_v", "value")
_TEXTS: Final = ["kind"]
"""Columns of the contact facts that are no numbers or times."""

_SUMMARY: Final = (
    "rank", "points_without_private_fast", "age_check", "recorded_minor", "exempt",
)  # fmt: skip


# -- Scores ------------------------------------------------------------------------------------


def write_scores(run: Run, scores: pa.Table) -> None:
    """COPY the engine's scores for ``run`` in one transaction, replacing what is there.

    Raises Replaced, and writes nothing, when the run is no longer this attempt's.
    """
    rows = _score_rows(run, scores)
    with arrow.connect() as adbc, adbc.cursor() as cursor:
        cursor.execute("DELETE FROM signals_score WHERE run_id = $1", (run.pk,))
        cursor.adbc_ingest("signals_score", rows, mode="append")
        # Last, and locked until the commit: a process that begins the run anew either waits for
        # these rows and removes them, or has begun and is found here.
        cursor.execute(
            "SELECT attempts FROM signals_run WHERE id = $1 AND state = 'running' FOR UPDATE",
            (run.pk,),
        )
        if cursor.fetchall() != [(run.attempts,)]:
            raise Replaced
        adbc.commit()


def _score_rows(run: Run, scores: pa.Table) -> pa.Table:
    size = scores.num_rows
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "run_id": pa.array(np.full(size, run.pk, dtype=np.int64)),
        "account_id": scores.column("account"),
        "points": scores.column("points"),
        "rank": scores.column("rank").cast(pa.int32()),
        "flagged": scores.column("flagged"),
        "groups": scores.column("groups").cast(pa.int16()),
        "minors": scores.column("minors").cast(pa.int32()),
        "stretch": scores.column("stretch"),
        "points_without_private_fast": scores.column("points_without_private_fast"),
        "age_check": scores.column("age_check"),
        "recorded_minor": scores.column("recorded_minor"),
        "exempt": scores.column("exempt"),
        "ring": scores.column("ring"),
    }
    for part in ("llr", "k", "n"):
        columns[part] = _lists([scores.column(f"{key}_{part}") for key in KEYS])
    return pa.table(columns)


def _lists(columns: list[pa.ChunkedArray]) -> pa.ListArray:
    """One list a row, with the row's value of each column; null stays null."""
    values = np.column_stack(
        [column.fill_null(np.nan).to_numpy().astype(np.float64) for column in columns]
    )
    size, width = values.shape
    flat = pa.array(values.reshape(-1), from_pandas=True)  # NaN becomes null
    return pa.ListArray.from_arrays(np.arange(size + 1, dtype=np.int32) * width, flat)


# -- Explanations ------------------------------------------------------------------------------


class Findings(Protocol):
    """What is stored of a run's result, whole or of a few accounts."""

    @property
    def scores(self) -> pa.Table: ...
    @property
    def evidence(self) -> pa.Table: ...
    @property
    def explanations(self) -> dict[int, Explanation]: ...
    @property
    def links(self) -> pa.Table: ...


def write_assessments(run: Run, result: Findings) -> int:
    """Store every explanation with its rows, in the running transaction; returns how many."""
    if not result.explanations:
        return 0
    summaries = _summaries(result)
    made = Assessment.objects.bulk_create(
        [
            Assessment(
                run=run,
                account_id=account,
                points=found.points,
                flagged=found.flagged,
                groups=found.groups,
                minors=found.minors,
                stretch=found.stretch,
                contributions=[part.to_dict() for part in found.contributions],
                summary=summaries[account],
            )
            for account, found in sorted(result.explanations.items())
        ],
        batch_size=500,
    )
    _copy_evidence({item.account_id: item.pk for item in made}, result.evidence)
    return len(made)


def _summaries(result: Findings) -> dict[int, dict[str, Any]]:
    """What else the run found about each explained account."""
    wanted = result.explanations.keys()
    summaries: dict[int, dict[str, Any]] = {account: {"linked": []} for account in wanted}
    explained = result.scores.filter(
        pc.is_in(result.scores.column("account"), value_set=pa.array(list(wanted)))
    )
    for row in explained.select(["account", *_SUMMARY]).to_pylist():
        summaries[row["account"]] |= {name: row[name] for name in _SUMMARY}
    for row in result.links.to_pylist():
        for own, other in ((row["a"], row["b"]), (row["b"], row["a"])):
            if own in summaries:
                summaries[own]["linked"].append(
                    {"account": other, "shared": row["shared"], "p": row["p"]}
                )
    return summaries


def _copy_evidence(assessment_of: dict[int, int], evidence: pa.Table) -> None:
    rows = _evidence_rows(assessment_of, evidence)
    text = io.BytesIO()
    csv.write_csv(rows, text, csv.WriteOptions(include_header=False))
    text.seek(0)
    with connection.cursor() as cursor:
        cursor.copy_expert(
            f"COPY signals_evidencerow ({', '.join(rows.column_names)}) FROM STDIN (FORMAT csv)",
            text,
            2**20,
        )


def _evidence_rows(assessment_of: dict[int, int], evidence: pa.Table) -> pa.Table:
    """The rows of accounts that have an assessment, as the database holds them."""
    accounts = pa.array(assessment_of.keys(), pa.int64())
    place = pc.index_in(evidence["account"], accounts)
    evidence, place = evidence.filter(place.is_valid()), place.drop_null()
    return pa.table(
        {
            "assessment_id": pa.array(assessment_of.values(), pa.int64()).take(place),
            "indicator": evidence["indicator"],
            "event_id": evidence["event"],
            "target_id": evidence["target"],
            "at": evidence["at"],
            "counted": evidence["counted"],
            "facts": _objects(evidence.select(_EVIDENCE_FACTS)),
        }
    )


def _objects(table: pa.Table) -> pa.Array:
    """Each row as a JSON object, without what is null."""
    members = [
        pc.binary_join_element_wise(f"{json.dumps(name)}:", _as_json(table[name]), "")
        for name in table.column_names
    ]
    inside = pc.binary_join_element_wise(*members, ",", null_handling="skip")
    return pc.binary_join_element_wise("{", inside, "}", "")


def _as_json(column: pa.ChunkedArray) -> pa.Array:
    """Each value as JSON, made once for all that are equal."""
    coded = column.combine_chunks().dictionary_encode()
    texts = [json.dumps(value) for value in coded.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(coded.indices)


# -- Contact facts -----------------------------------------------------------------------------


def facts_file(run_id: int) -> Path:
    """Where the contact facts of a run lie, on the machine that computed it."""
    return Path(settings.SIGHTLINE_HOME) / "facts" / f"run-{run_id}.parquet"


def priors_folder(run_id: int) -> Path:
    """Where lies what a run compared accounts with (``signals.engine.priors``)."""
    return facts_file(run_id).with_suffix(".priors")


def drop_facts(run_id: int) -> None:
    """Remove the files of a run that came to nothing, where they can be removed."""
    with suppress(OSError):
        for place in (facts_file, priors_folder):
            _remove(place(run_id))


@contextmanager
def saving_facts(run: Run, facts: pa.Table) -> Iterator[None]:
    """Write the contact facts of ``run`` beside what the block does, which takes as long.

    They stand under the run's name once the block has ended well; otherwise nothing is left.
    """
    path = facts_file(run.pk)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".part{run.attempts}")
    with ThreadPoolExecutor(1, "facts") as pool:
        writing = pool.submit(
            pq.write_table,
            facts,
            unfinished,
            compression="zstd",
            use_dictionary=_TEXTS,
            column_encoding=dict.fromkeys(
                (name for name in facts.column_names if name not in _TEXTS), "DELTA_BINARY_PACKED"
            ),
        )
        try:
            yield
            writing.result()
            unfinished.replace(path)
        finally:
            wait([writing])
            unfinished.unlink(missing_ok=True)


# -- What goes again ---------------------------------------------------------------------------


def prune() -> None:
    """Remove the values of complete runs that newer ones have replaced.

    Scores, facts and assessments of the last two complete runs stay, and beyond them every
    assessment that a case or decision points at, with its evidence. Of other old assessments of an
    account with a case the points and sentences stay, as the history of its score; their evidence
    rows go.
    """
    complete = Run.objects.filter(state=Run.State.DONE, base=None)
    complete = complete.order_by("-finished_at", "-pk")
    kept = list(complete.values_list("pk", flat=True)[:KEPT_RUNS])
    overlay = list(prompt_runs(complete[0]).values_list("pk", flat=True)) if kept else []
    replaced = Run.objects.exclude(pk__in=[*kept, *overlay]).exclude(state=Run.State.RUNNING)
    with_scores = replaced.filter(Exists(Score.objects.filter(run=OuterRef("pk"))))
    Score.objects.filter(run__in=list(with_scores.values_list("pk", flat=True))).delete()

    old = _without_references(
        Assessment.objects.filter(run__state=Run.State.DONE).exclude(run__in=[*kept, *overlay])
    )
    with_case = hooks.case_accounts()
    old.exclude(account__in=with_case).delete()
    EvidenceRow.objects.filter(assessment__in=old.filter(account__in=with_case)).delete()

    names = {place(run_id).name for run_id in kept for place in (facts_file, priors_folder)}
    for path in facts_file(0).parent.glob("run-*.p*"):
        if path.name not in names:
            _remove(path)
    _prune_prompt_runs(latest=Run.objects.get(pk=kept[0]) if kept else None)


def _prune_prompt_runs(latest: Run | None) -> None:
    """Remove prompt runs that a complete run has overtaken and that explain nothing kept."""
    if latest is not None:
        newer = prompt_runs(latest).values("pk")
        overtaken = Run.objects.filter(base__isnull=False).exclude(pk__in=newer)
        overtaken.exclude(Exists(Assessment.objects.filter(run=OuterRef("pk")))).delete()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _without_references(assessments: QuerySet[Assessment]) -> QuerySet[Assessment]:
    """Those that no row of a higher floor points at."""
    for relation in Assessment._meta.related_objects:  # noqa: SLF001 - public, says Django
        model = relation.related_model
        if model is not EvidenceRow:
            pointing = model._base_manager.filter(  # noqa: SLF001 - public, says Django
                **{relation.field.name: OuterRef("pk")}
            )
            assessments = assessments.exclude(Exists(pointing))
    return assessments
