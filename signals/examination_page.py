"""The results page of the documentation, in Markdown, from reports of an examination. Pure.

Figures of several communities are pooled: rates by adding up accounts, average precision and the
days to a case as the mean with the lowest and the highest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from signals.ranking import wilson

Report = dict[str, Any]

LIMITS = """\
## What these figures are worth

- **They are an upper bound.** The people who wrote the indicators wrote the generator as well. What
  they did not think of is in neither. A platform's own decided cases are the real examination.
- The communities are invented. Their shares (of mis-recorded ages, of refusals, of friends in
  common) follow published figures where there are any; how planted accounts behave follows reports
  about grooming, not measured data, of which there is none that could be published.
- The prevalence is a choice. At a tenth of it, precision falls to about a tenth wherever it is low.
- Average precision and precision at k ask about the ranking; flags ask about one threshold set, the
  default one. Another threshold gives other flags and the same ranking.
- Every harmless class is shown, also where the rate is bad: a class of some hundred accounts with
  no flag can still have a true rate of one in a hundred (the interval says so).
- "Days to case" replays the history at a few dates: a case can only open at one of them, so the
  figure is too long by up to one step.
"""

INDICATORS = """\
Average precision of each indicator alone, and what the full score gains by it (average precision
with all, minus that of the same contributions added up without it). A gain within 0.01 either way
is within what the draw of planted accounts explains. Raised: accounts with a log-likelihood ratio
of 1 or more."""


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _range(values: Sequence[float | None], digits: int = 3) -> str:
    given = [value for value in values if value is not None]
    if not given:
        return "–"
    mean = sum(given) / len(given)
    if len(given) == 1:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ({min(given):.{digits}f} to {max(given):.{digits}f})"


def _mean(values: Sequence[float | None]) -> float:
    given = [value for value in values if value is not None]
    return sum(given) / len(given) if given else 0.0


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "| --- |" + " ---: |" * (len(head) - 1)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def _pooled(reports: Sequence[Report], part: str, name: str) -> dict[str, tuple[int, int]]:
    """Flagged and all accounts of each row of a part, over all reports."""
    sums: dict[str, tuple[int, int]] = {}
    for report in reports:
        for row in report[part]:
            flagged, accounts = sums.get(row[name], (0, 0))
            sums[row[name]] = flagged + row["flagged"], accounts + row["accounts"]
    return dict(sorted(sums.items()))


def _rates(
    head: str, sums: dict[str, tuple[int, int]], without: dict[str, tuple[int, int]] | None = None
) -> Iterator[str]:
    """A row a name; ``without``: the same for flags without ``private_fast``, one more column."""
    rows = []
    for name, (flagged, accounts) in sums.items():
        interval = wilson(flagged, accounts) or (0.0, 1.0)
        share = flagged / accounts if accounts else None
        between = f"{_share(interval[0])} to {_share(interval[1])}"
        row = [name, f"{accounts:,}", f"{flagged:,}", _share(share), between]
        if without:
            row.append(_share(without[name][0] / accounts if accounts else None))
        rows.append(row)
    columns = [head, "accounts", "flagged", "rate", "95 % interval"]
    yield from _table([*columns, "rate without hours"] if without else columns, rows)


def _without(reports: Sequence[Report], part: str, name: str) -> dict[str, tuple[int, int]] | None:
    """As ``_pooled``, of the flags without ``private_fast``; None where they are not known."""
    found = [report["without_private_fast"] for report in reports]
    if any(report is None or part not in report for report in found):
        return None
    return _pooled(found, part, name)


def _summary(reports: Sequence[Report]) -> Iterator[str]:
    def figure(name: str, pick: Callable[[Report], float | None], digits: int = 3) -> list[str]:
        return [name, _range([pick(report) for report in reports], digits)]

    rows = [
        figure("Average precision, full score", lambda r: r["average_precision"]["value"]),
        figure(
            "Average precision without `private_fast`",
            lambda r: r["average_precision_without_private_fast"]["value"],
        ),
        figure(
            "Average precision, best single indicator",
            lambda r: r["best_single_indicator"]["average_precision"],
        ),
        figure("Precision of the flags", lambda r: r["flagged"]["precision"]),
        figure("Recall of the flags", lambda r: r["flagged"]["recall"]),
        figure("Median days from first contact to case", lambda r: r["days_to_case"]["median"], 0),
    ]
    for place, at in enumerate(reports[0]["at_k"]):
        k = at["k"]
        found = [report["at_k"][place] for report in reports]
        rows.append([f"Precision at {k}", _range([row["precision"] for row in found])])
        rows.append([f"Recall at {k}", _range([row["recall"] for row in found])])
        hours = [report["without_private_fast"] for report in reports]
        if all(hours):
            found = [report["at_k"][place] for report in hours]
            text = f"Precision at {k} without `private_fast`"
            rows.append([text, _range([row["precision"] for row in found])])
    yield from _table(("figure", "mean (lowest to highest)"), rows)


def _indicators(reports: Sequence[Report]) -> Iterator[str]:
    by_key = [{row["key"]: row for row in report["indicators"]} for report in reports]
    rows = []
    for key in by_key[0]:
        found = [report[key] for report in by_key]
        rows.append(
            (
                _mean([row["ablation"] for row in found]),
                (
                    f"`{key}`",
                    _range([row["average_precision"] for row in found]),
                    _range([row["ablation"] for row in found]),
                    f"{sum(row['planted_raised'] for row in found):,}",
                    f"{sum(row['harmless_raised'] for row in found):,}",
                ),
            )
        )
    rows.sort(key=lambda row: -row[0])
    yield from _table(
        ("indicator", "alone", "gain in the full score", "raised: planted", "raised: harmless"),
        [cells for _, cells in rows],
    )
    if reports[0]["indicators"][0]["ablation"] is None:
        return
    idle = [cells[0] for gain, cells in rows if gain <= 0]
    if idle:
        yield f"Not earning their place here (no gain on average): {', '.join(idle)}."
    else:
        yield "Each of them earns its place here: without it, the full score finds less."
    yield ""


def page(reports: Sequence[Report], command: str) -> str:
    """The page, from one report a community; ``command`` is what made them.

    Raises ValueError without a report.
    """
    if not reports:
        raise ValueError("there is nothing to report")
    first = reports[0]
    planted = sum(report["planted"] for report in reports)
    setting = (
        f"{len(reports)} communities of {first['accounts']:,} accounts, "
        f"{planted:,} planted accounts in all (prevalence {_share(first['prevalence'])}), "
        "default threshold set. Beside a mean stand the lowest and the highest."
    )
    lines = [
        "# Results on synthetic communities",
        "",
        f"Made by `{command}`; do not edit by hand.",
        "",
        setting,
        "",
        LIMITS,
        "## In short",
        "",
        *_summary(reports),
        "## Planted strategies: recall of the flags",
        "",
        *_rates(
            "strategy",
            _pooled(reports, "strategies", "strategy"),
            _without(reports, "strategies", "strategy"),
        ),
        "## Harmless classes: how many are flagged by mistake",
        "",
        *_rates(
            "class",
            _pooled(reports, "hard_negatives", "class"),
            _without(reports, "hard_negatives", "class"),
        ),
        "## Indicators",
        "",
        INDICATORS,
        "",
        *_indicators(reports),
        "## Harmless accounts by group",
        "",
    ]
    for column in first["groups"]:
        grouped = [{"rows": report["groups"][column]} for report in reports]
        lines += _rates(column.replace("_", " "), _pooled(grouped, "rows", "group"))
    lines += ["## Definitions", ""]
    lines += [
        f"- **{name.replace('_', ' ')}**: {text}" for name, text in first["definitions"].items()
    ]
    return "\n".join(lines) + "\n"
