"""The figures of an evaluation as lines of text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from signals.sampled import missed_words, sample_words


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _precision(name: str, figure: dict[str, Any]) -> str:
    text = f"{name}: {_number(figure['value'])}"
    if figure["low"] is not None:
        text += f" ({_number(figure['low'])} to {_number(figure['high'])})"
    return text


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(len(head))]
    for row in [head, *rows]:
        first, *rest = row
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        yield "  " + "  ".join(cells).rstrip()


def _rates(head: str, name: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    cells = [
        (
            row[name],
            str(row["accounts"]),
            str(row["flagged"]),
            _share(row["rate"]),
            f"{_share(row['low'])} to {_share(row['high'])}",
        )
        for row in rows
    ]
    yield from _table((head, "accounts", "flagged", "rate", "95 % interval"), cells)


def _calibration(found: dict[str, Any]) -> Iterator[str]:
    cases, right = found["decided"], found["confirmed"]
    yield f"Decided cases: {cases:,}, of them {right:,} confirmed."
    if not found["enough"]:
        yield (
            f"A calibration of the weights needs {found['needed']:,} decided cases, "
            f"{found['needed_of_each']:,} of them confirmed and as many dismissed."
        )
        return
    loss = found["log_loss"]
    better = "better" if found["better"] else "no better"
    yield (
        f"Calibrated weights would predict held-out decisions {better}: "
        f"log loss {_number(loss['as_it_is'])} as it is, {_number(loss['calibrated'])} calibrated."
    )
    yield (
        f"{found['no_longer_flagged']:,} flagged accounts would fall below the threshold, "
        f"{found['above_threshold_then']:,} others rise above it. At the threshold about "
        f"{_share(found['confirmed_at_threshold'])} of decided cases were confirmed. "
        "Nothing is changed: an admin decides, in a new threshold set."
    )
    yield from _table(
        ("weight of", "fitted", "nine in ten", "cases", "differs from 1"),
        [
            (
                row["key"],
                f"{row['weight']:.2f}",
                "–" if row["low"] is None else f"{row['low']:.2f} to {row['high']:.2f}",
                str(row["cases"]),
                "yes" if row["differs"] else "",
            )
            for row in found["weights"]
        ],
    )


def lines(report: dict[str, Any]) -> Iterator[str]:
    """Every figure of ``signals.evaluate.evaluate``, a line at a time."""
    flagged = report["flagged"]
    yield (
        f"{report['accounts']:,} accounts, {report['planted']:,} planted; "
        f"{report['assessed']:,} with a score; {flagged['accounts']:,} flagged, "
        f"{flagged['planted']:,} of them planted."
    )
    if report["scored_but_not_in_truth"]:
        yield f"{report['scored_but_not_in_truth']:,} scored accounts are not in the truth file."
    yield _precision("Average precision", report["average_precision"])
    yield _precision(
        "Average precision without private_fast", report["average_precision_without_private_fast"]
    )
    yield f"Flagged: precision {_share(flagged['precision'])}, recall {_share(flagged['recall'])}"
    days = report["days_to_case"]
    if days["median"] is not None:
        middle, count = days["median"], days["cases"]
        yield f"Median days from first contact to case: {middle:.0f} ({count} cases)"
    yield ""
    rows = [
        (str(row["k"]), f"{row['hits']:.1f}", _share(row["precision"]), _share(row["recall"]))
        for row in report["at_k"]
    ]
    yield from _table(("highest", "planted", "precision", "recall"), rows)
    yield ""
    yield from _table(
        ("planted strategy", "accounts", "flagged", "recall"),
        [
            (row["strategy"], str(row["accounts"]), str(row["flagged"]), _share(row["recall"]))
            for row in report["strategies"]
        ],
    )
    yield ""
    yield from _rates("harmless class", "class", report["hard_negatives"])
    for column, groups in report["groups"].items():
        yield ""
        yield from _rates(f"harmless, by {column}", "group", groups)
    yield ""
    yield from _table(
        ("single indicator", "average precision", "assessed", "raised: planted", "harmless"),
        [
            (
                row["key"],
                _number(row["average_precision"]),
                str(row["assessed"]),
                str(row["planted_raised"]),
                str(row["harmless_raised"]),
            )
            for row in report["indicators"]
        ],
    )
    if report["calibration"]:
        yield ""
        yield from _calibration(report["calibration"])
    if report["sample"]:
        yield ""
        yield sample_words(report["sample"])
        if words := missed_words(report["sample"]):
            yield words
