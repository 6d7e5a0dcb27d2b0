"""``evaluate --truth FILE``: how well the latest complete run found what is known to be true."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.core.management.base import BaseCommand, CommandError, CommandParser

from signals import hooks
from signals.calibration import calibration
from signals.errors import NoRun
from signals.evaluate import evaluate, first_flagged
from signals.evaluation_text import lines
from signals.sampled import missed
from signals.selectors import latest_run, latest_scores
from signals.selectors.evaluation import account_groups, first_child_contacts, first_flags
from signals.services import active_thresholds
from signals.spec import ThresholdSpec
from signals.truth import TruthError, read_truth


def _numbers(text: str) -> list[int]:
    try:
        values = [int(part) for part in text.split(",")]
    except ValueError:
        values = [0]
    if min(values) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give whole numbers above 0, such as 50,100")
    return values


class Command(BaseCommand):
    """Print the figures, or one line of JSON."""

    help = (
        "Compare the latest complete run with a truth file (account_id, label 1 = planted, "
        "strategy): average precision, precision and recall at k, recall by strategy, "
        "false-positive rate by harmless class and by group, days from first contact to case."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--truth", metavar="FILE", type=Path, required=True)
        parser.add_argument("--k", type=_numbers, default=[50, 100, 200], help="default 50,100,200")
        parser.add_argument(
            "--replay",
            metavar="DATES",
            type=int,
            default=0,
            help="compute the indicators as of so many dates of the history, evenly spread, to "
            "find when each account would have been flagged; default 0: use the runs there were",
        )
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Evaluate and print."""
        try:
            truth = read_truth(options["truth"])
            scores = latest_scores()
        except (TruthError, NoRun) as error:
            raise CommandError(str(error)) from error
        absent = _not_imported(truth.account_id)
        if absent:
            self.stderr.write(
                f"{absent:,} of {truth.size:,} accounts in {options['truth']} are not imported; "
                "they count as accounts without any score."
            )
        planted = truth.account_id.filter(pa.array(truth.label)).to_pylist()
        cases = first_flags(planted)
        if options["replay"] > 0:
            cases = first_flagged(self._replays(options["replay"]))
        report = evaluate(
            scores,
            truth,
            ks=options["k"],
            groups=account_groups(),
            first_contacts=first_child_contacts(planted),
            cases=cases,
            calibration=calibration(scores, _decisions(), _spec()),
            sample=missed(hooks.sampled(), scores, hooks.case_accounts()),
        )
        report["not_imported"] = absent
        if options["json"]:
            self.stdout.write(json.dumps(report, allow_nan=False))
            return
        for line in lines(report):
            self.stdout.write(line)

    def _replays(self, dates: int) -> Iterator[tuple[datetime, pa.Table]]:
        """Scores as of evenly spread dates, by the engine and thresholds in force; none stored."""
        from signals import snapshot
        from signals.engine import run as engine

        graph = snapshot.take().graph
        span = pc.min_max(graph.events.column("published")).as_py()
        if span["min"] is None:
            return
        names = _names()
        spec = _spec()
        for number in range(1, dates + 1):
            # The last event itself belongs to the last date.
            moment = span["min"] + (span["max"] - span["min"]) * number / dates
            moment += timedelta(microseconds=1)
            scores = engine.run(graph, spec, as_of=moment).scores
            yield moment, scores.join(names, keys="account")
            self.stderr.write(f"Replayed {number} of {dates}: {moment:%Y-%m-%d}.")


def _spec() -> ThresholdSpec:
    """The thresholds of the latest run."""
    run = latest_run()
    given = run.thresholds if run is not None else None
    return ThresholdSpec.from_dict((given or active_thresholds()).spec)


def _decisions() -> dict[int, bool]:
    """Account to whether its last decided case was confirmed."""
    rows = sorted(hooks.labels(), key=lambda label: label.decided_at)
    return {label.account: label.outcome == "confirmed" for label in rows}


def _not_imported(names: pa.Array) -> int:
    """How many of these account_ids are no imported account's."""
    from signals import arrow

    with arrow.connect() as adbc, adbc.cursor() as cursor:
        cursor.execute("SELECT account_id FROM accounts_account WHERE NOT provisional")
        known = cursor.fetch_arrow_table()["account_id"].cast(pa.string()).combine_chunks()
    return len(names) - (pc.sum(pc.is_in(names.cast(pa.string()), value_set=known)).as_py() or 0)


def _names() -> pa.Table:
    """``account`` (database id) and ``account_id``."""
    from signals import arrow

    with arrow.connect() as adbc, adbc.cursor() as cursor:
        cursor.execute("SELECT id AS account, account_id FROM accounts_account")
        return cursor.fetch_arrow_table()
