"""``make bench``, or ``python -m bench [PART …]``: how fast, on this machine.

Parts: ``facts`` (contact facts on a real graph beside networkx, a DuckDB join and GraphBLAS),
``imports`` (rows a second beside raw COPY), ``full`` (a full run on simulated communities, with
memory, how it grows, and one event to its case on top). Without a part: all of them. Communities
that were made are kept in ``bench/data``; each measurement has a database of its own, which is
removed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from bench import contact_facts, full_run, imports
from bench.home import temporary_home
from bench.machine import describe
from bench.report import show

PARTS: Final = ("facts", "imports", "full")
FOLDER: Final = Path(__file__).resolve().parent


def measured(options: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """What each part gives; a text is the reason why a part was left out."""
    parts = options.parts or PARTS
    if "facts" in parts:
        path = contact_facts.pokec_file()
        if path.exists():
            yield "contact_facts", contact_facts.measure(path)
        else:
            yield "contact_facts", f"contact facts: {path} is not there."
    if "imports" in parts:
        with temporary_home() as home:
            found = imports.in_a_process_of_its_own(options.rows, home)
            yield "imports", {str(options.rows): found}
    if "full" in parts:
        runs = {}
        full_run.compile_kernels(options.data)
        for accounts in options.accounts:
            runs[str(accounts)] = full_run.measure(accounts, options.data)
        yield "full_run", runs


def growth(runs: dict[str, Any]) -> dict[str, Any] | None:
    """How a full run's time grows from the smallest community to the largest; 1 is linear."""
    if len(runs) < 2:
        return None
    first, last = min(map(int, runs)), max(map(int, runs))
    times = [runs[str(size)]["seconds"]["total"] for size in (first, last)]
    return {
        "from": first,
        "to": last,
        "against_linear": times[1] / times[0] / (last / first),
    }


def _keep(path: Path, machine: dict[str, Any], results: dict[str, Any], gone: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {"machine": machine, "results": results, "left_out": gone}
    path.write_text(json.dumps(found, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", choices=[*PARTS, []])
    parser.add_argument(
        "--accounts", type=int, nargs="+", default=[100_000, 1_000_000], help="sizes of full runs"
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="ties, and events, to import")
    parser.add_argument("--data", type=Path, default=FOLDER / "data", help="where communities lie")
    parser.add_argument("--json", type=Path, default=FOLDER / "results" / "latest.json")
    options = parser.parse_args()
    machine = describe()
    results: dict[str, Any] = {}
    left_out = []
    for name, found in measured(options):
        if isinstance(found, str):
            left_out.append(found)
        else:
            results[name] = found
            _keep(options.json, machine, results, left_out)  # the next part may not come to its end
            Console(stderr=True).print(f"measured: {name}")
    if results.get("contact_facts", {}).get("graphblas", 0.0) is None:
        left_out.append("GraphBLAS is not installed (requirements-bench.txt).")
    if (grown := growth(results.get("full_run", {}))) is not None:
        results["growth"] = grown
    _keep(options.json, machine, results, left_out)
    show(machine, results, left_out)


if __name__ == "__main__":
    main()
