"""Removing what was computed about an account."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from signals import storage
from signals.models import Assessment, EvidenceRow, Score
from staff import personal


def forget_assessments(assessments: Collection[int]) -> int:
    """Empty these stored explanations and remove the rows behind them; how many rows went.

    Points and flags stay: they are figures of a run, and a case's history rests on them. Part of
    ``moderation``'s services, which authorise and record; in the running transaction.
    """
    removed, _ = EvidenceRow.objects.filter(assessment__in=assessments).delete()
    Assessment.objects.filter(pk__in=assessments).update(
        **personal.table("signals.Assessment").blanks()
    )
    return removed


def forget_account(account_id: int) -> dict[str, int]:
    """Remove scores, explanations and contact facts of an account (database id); counts by kind."""
    assessments = list(Assessment.objects.filter(account=account_id).values_list("pk", flat=True))
    return {
        "scores": Score.objects.filter(account=account_id).delete()[0],
        "assessments": len(assessments),
        "evidence_rows": forget_assessments(assessments),
        "facts": _forget_facts(account_id),
    }


def _forget_facts(account_id: int) -> int:
    """Take the account's contacts out of every file of contact facts; how many went."""
    removed = 0
    for path in sorted(storage.facts_file(0).parent.glob("run-*.parquet")):
        try:
            facts = pq.ParquetFile(path)
        except FileNotFoundError:
            continue  # a run that has ended since has replaced it
        with facts:
            removed += _forget_in(facts, path, account_id)
    return removed


def _forget_in(facts: pq.ParquetFile, path: Path, account_id: int) -> int:
    """Write the file anew without the account's contacts, whole or not at all; how many went."""
    unfinished = path.with_name(f".{path.name}")  # not what ``storage.prune`` clears away
    gone = 0
    try:
        with pq.ParquetWriter(unfinished, facts.schema_arrow, compression="zstd") as writer:
            for batch in facts.iter_batches():
                named = pc.or_(
                    pc.equal(batch.column("u"), account_id), pc.equal(batch.column("v"), account_id)
                )
                kept = batch.filter(pc.invert(named))
                gone += batch.num_rows - kept.num_rows
                writer.write_batch(kept)
        if gone:
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return gone
