"""What was measured, as a table: ratios first, against what was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

MB, GB = 1e6, 1e9


@dataclass(frozen=True)
class Line:
    """``met``: whether ``value`` is what ``asked`` asks for; None where nothing is asked."""

    name: str
    value: str
    asked: str = ""
    met: bool | None = None


def ratios(results: dict[str, Any]) -> list[Line]:
    """How many times as fast as what it is measured against, and the like."""
    lines = []
    facts = results.get("contact_facts", {})
    for name, least in (("networkx", 20.0), ("duckdb_join", 6.0), ("graphblas", 1.0)):
        if value := facts.get("times_as_long", {}).get(name):
            lines.append(_least(f"contact facts: times as fast as {name}", value, least, "×"))
    for rows, measured in results.get("imports", {}).items():
        for table, share in measured["share_of_copy"].items():
            name = f"import of {int(rows):,} rows, {table}: share of raw COPY"
            lines.append(_least(name, 100 * share, 40.0, " %"))
    growth = results.get("growth")
    if growth:
        lines.append(
            Line(
                f"growth of a full run, {growth['from']:,} to {growth['to']:,} accounts, "
                "against linear",
                f"{growth['against_linear']:.2f} ×",
                "≤ 1.15 ×",
                growth["against_linear"] <= 1.15,
            )
        )
    return lines


def amounts(results: dict[str, Any]) -> list[Line]:
    """Speeds, seconds and memory."""
    lines = []
    facts = results.get("contact_facts", {})
    if "ours" in facts:
        lines.append(
            _least("contact facts with times: contacts a second", facts["contacts_a_second"], 3e6)
        )
        lines += [
            Line(f"contact facts: seconds, {name}", f"{facts[name]:.2f}")
            for name in ("ours", "building_the_index", "graphblas", "duckdb_join", "networkx")
            if facts.get(name)
        ]
    for rows, measured in results.get("imports", {}).items():
        for table, speed in measured["import_rows_per_second"].items():
            name = f"import of {int(rows):,} rows, {table}: rows a second"
            lines.append(_least(name, speed, 100_000))
        lines.append(
            Line(
                f"import of {int(rows):,} rows: peak memory",
                f"{measured['peak_memory_bytes'] / MB:,.0f} MB",
            )
        )
    for accounts, measured in results.get("full_run", {}).items():
        lines.extend(_full_run(int(accounts), measured))
    return lines


def _full_run(accounts: int, measured: dict[str, Any]) -> Iterator[Line]:
    name = f"full run, {accounts:,} accounts"
    is_large = accounts >= 1_000_000
    rows = measured["rows"]
    yield Line(
        f"{name}: {rows['ties']:,} ties stated, {rows['events']:,} events, first contacts",
        f"{measured['contacts']:,}",
    )
    total, peak = measured["seconds"]["total"], measured["peak_bytes"]
    yield Line(
        f"{name}: seconds",
        f"{total:.1f}",
        "≤ 120" if is_large else "",
        total <= 120 if is_large else None,
    )
    for stage, seconds in measured["seconds"].items():
        if stage != "total":
            yield Line(f"{name}: seconds, {stage}", f"{seconds:.1f}")
    yield Line(
        f"{name}: peak memory",
        f"{peak / GB:.2f} GB",
        "< 8 GB" if is_large else "",
        peak < 8 * GB if is_large else None,
    )
    yield Line(f"{name}: cases opened", f"{measured['cases_opened']:,}")
    if event := measured.get("one_event"):
        median = event["median_seconds"]["total"]
        yield Line(
            f"one event to its case, {accounts:,} accounts: seconds (95 % within "
            f"{event['p95_seconds']['total']:.2f})",
            f"{median:.2f}",
            "≤ 2" if is_large else "",
            median <= 2 if is_large else None,
        )


def _least(name: str, value: float, least: float, unit: str = "") -> Line:
    digits = 0 if value >= 100 else 2 if value < 10 else 1
    return Line(name, f"{value:,.{digits}f}{unit}", f"≥ {least:,.0f}{unit}", bool(value >= least))


def show(machine: dict[str, Any], results: dict[str, Any], left_out: list[str]) -> None:
    """Print everything."""
    console = Console()
    console.print(
        f"{machine['processor']}, {machine['threads']} threads, "
        f"{machine['memory_bytes'] / GB:.0f} GB, Python {machine['python']}, "
        f"load {machine['load_before']} before."
    )
    table = Table()
    for column in ("", "measured", "asked for", ""):
        table.add_column(column, justify="left" if not column else "right")
    for part in (ratios(results), amounts(results)):
        for line in part:
            mark = "" if line.met is None else "yes" if line.met else "no"
            table.add_row(line.name, line.value, line.asked, mark)
        table.add_section()
    console.print(table)
    for sentence in left_out:
        console.print(f"Left out: {sentence}")
