"""The communities that are measured: simulated ones, as import files.

``python -m bench.community FOLDER --accounts N`` writes one; the measurements call ``written``,
which makes a community once and finds it again by its settings.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Final

from signals.simulate import SimulationSettings, simulate
from signals.simulate.writing import Format, write_community

SETTINGS: Final = SimulationSettings(
    seed=1, median_degree=24.5, established_share=0.86, history_days=700
)
"""15 ties an account, most of them older than the events and so stated, the others made by an
accepted request; and 10 first contacts an account."""
_DONE: Final = "rows.json"


def write(folder: Path, accounts: int, file_format: Format = "parquet") -> dict[str, int]:
    """Write the community of so many accounts into ``folder``; rows by file."""
    return write_community(simulate(replace(SETTINGS, accounts=accounts)), folder, file_format)


def written(folder: Path, accounts: int, file_format: Format = "parquet") -> dict[str, int]:
    """As ``write``, but what is there already from the same settings stays."""
    settings = repr((replace(SETTINGS, accounts=accounts), file_format))
    done = folder / _DONE
    if done.exists():
        found = json.loads(done.read_text())
        if found["settings"] == settings:
            return dict(found["rows"])
    done.unlink(missing_ok=True)
    rows = write(folder, accounts, file_format)
    done.write_text(json.dumps({"settings": settings, "rows": rows}))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--format", choices=["csv", "parquet"], default="parquet")
    options = parser.parse_args()
    rows = written(options.folder, options.accounts, options.format)
    print(", ".join(f"{count:,} {name}" for name, count in rows.items()))


if __name__ == "__main__":
    main()
