"""Import speed: rows a second of `import_graph`, beside a raw COPY of the same rows.

``python -m bench.imports [--rows N] [--home DIR]`` makes N ties, N events and a tenth as many
accounts, imports them into an empty database of its own, and then copies the very rows that stand
in the tables out, empties the tables and lets PostgreSQL COPY them in again: into the same tables
with their indexes, over one connection, in the text format and in the binary one. The share is told
against the faster of the two. "folder" is all three tables by one import, as a platform sends them;
"accounts" is N accounts alone, so that each table's figure is of as many rows.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from bench.home import prepare, temporary_home

TABLES: Final = {
    "accounts": "accounts_account",
    "ties": "accounts_tie",
    "events": "accounts_event",
}
_FORMATS: Final = ("text", "binary")


def measure(rows: int, home: Path) -> dict[str, Any]:
    """Measure with an embedded server of its own under ``home`` (made when missing)."""
    prepare(home)
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as folder:
        community, alone = Path(folder) / "community", Path(folder) / "alone"
        write_community(community, rows)
        write_accounts(alone, rows, np.random.default_rng(1))
        return _measured(community, alone, home)


def _measured(community: Path, alone: Path, home: Path) -> dict[str, Any]:
    counts = {}
    seconds: dict[str, dict[str, float]] = {"import": {}, "text": {}, "binary": {}}
    _empty(home)
    with _timed(seconds["import"], "accounts"):
        counts["accounts"] = import_path(alone / "accounts.csv")
    for format_ in _FORMATS:
        seconds[format_]["accounts"] = _copied_again(format_, ["accounts"], alone, home)["accounts"]
    _empty(home)
    in_folder = import_path(community / "accounts.csv")
    for table in ("ties", "events"):
        with _timed(seconds["import"], table):
            counts[table] = import_path(community / f"{table}.csv")
    _empty(home)
    with _timed(seconds["import"], "folder"):
        import_path(community)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    for format_ in _FORMATS:
        spent = _copied_again(format_, list(TABLES), community, home)
        seconds[format_] |= {
            "ties": spent["ties"],
            "events": spent["events"],
            "folder": sum(spent.values()),
        }
    counts["folder"] = in_folder + counts["ties"] + counts["events"]
    speeds = {
        what: {key: round(counts[key] / spent[key]) for key in counts}
        for what, spent in seconds.items()
    }
    return {
        "rows": counts,
        "import_rows_per_second": speeds["import"],
        "copy_text_rows_per_second": speeds["text"],
        "copy_binary_rows_per_second": speeds["binary"],
        "share_of_copy": {
            key: round(speed / max(speeds["text"][key], speeds["binary"][key]), 3)
            for key, speed in speeds["import"].items()
        },
        "peak_memory_bytes": peak,
    }


def _copied_again(format_: str, tables: list[str], folder: Path, home: Path) -> dict[str, float]:
    """Seconds of a raw COPY into each of ``tables``, emptied before, of the rows it holds now."""
    seconds: dict[str, float] = {}
    for table in tables:
        name = TABLES[table]
        _copy(home, f"COPY {name} TO STDOUT (FORMAT {format_})", folder / name, "wb")
    _empty(home)
    for table in tables:
        name = TABLES[table]
        with _timed(seconds, table):
            _copy(home, f"COPY {name} FROM STDIN (FORMAT {format_})", folder / name, "rb")
    return seconds


def write_accounts(folder: Path, people: int, chance: np.random.Generator) -> pa.Array:
    """A file of so many accounts; their identifiers."""
    folder.mkdir(parents=True, exist_ok=True)
    names = pa.array([f"u{number}" for number in range(people)])
    _write(
        folder / "accounts.csv",
        account_id=names,
        display_name=pa.array([f"Name {number}" for number in range(people)]),
        birth_year=pa.array(chance.integers(1960, 2014, people)),
        age_source=pa.array(["self_declared", "verified"]).take(
            pa.array(chance.integers(0, 2, people))
        ),
        region=pa.array(["GB", "FR", "DE"]).take(pa.array(chance.integers(0, 3, people))),
        created_at=_times(chance.integers(1_500_000_000, 1_600_000_000, people)),
    )
    return names


def write_community(folder: Path, rows: int) -> None:
    """Files of so many ties and events, among a tenth as many accounts, by a fixed seed."""
    chance = np.random.default_rng(1)
    people = max(rows // 10, 100)
    names = write_accounts(folder, people, chance)
    a, b = _pairs(chance, people, rows)
    _write(
        folder / "ties.csv",
        a=names.take(pa.array(a)),
        b=names.take(pa.array(b)),
        kind=pa.array(["friend", "follow"]).take(pa.array(chance.integers(0, 2, rows))),
        since=_times(chance.integers(1_600_000_000, 1_750_000_000, rows)),
    )
    actor, target = _pairs(chance, people, rows)
    types = chance.integers(0, 3, rows)
    answers = np.flatnonzero((chance.random(rows) < 0.4) & (np.arange(rows) >= 100))
    asked = np.flatnonzero((types < 2) & ~np.isin(np.arange(rows), answers))
    # Each answers a request from anywhere before it.
    named = asked[(chance.random(len(answers)) * np.searchsorted(asked, answers)).astype(int)]
    actor[answers] = target[named]
    types[answers] = chance.integers(3, 6, len(answers))
    ids = pa.array([f"e{number}" for number in range(rows)])
    is_answer = np.zeros(rows, bool)
    is_answer[answers] = True
    event_named = np.zeros(rows, np.int64)
    event_named[answers] = named
    _write(
        folder / "events.csv",
        event_id=ids,
        type=pa.array(["Offer", "Follow", "Create", "Accept", "Reject", "Ignore"]).take(
            pa.array(types)
        ),
        actor=names.take(pa.array(actor)),
        object=pc.if_else(
            pa.array(is_answer), ids.take(pa.array(event_named)), names.take(pa.array(target))
        ),
        published=_times(np.sort(chance.integers(1_600_000_000, 1_750_000_000, rows))),
    )


def _pairs(
    chance: np.random.Generator, people: int, rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    a = chance.integers(0, people, rows)
    return a, (a + chance.integers(1, people, rows)) % people


def _times(seconds: NDArray[np.int64]) -> pa.Array:
    text = pa.array(seconds).cast(pa.timestamp("s")).cast(pa.string())
    return pc.binary_join_element_wise(pc.replace_substring(text, " ", "T"), "Z", "")


def _write(path: Path, **columns: pa.Array) -> None:
    pacsv.write_csv(pa.table(columns), path, pacsv.WriteOptions(quoting_style="none"))


def import_path(path: Path) -> int:
    """Import a file or folder as the command does; its number of rows."""
    from accounts.imports.run import run_batch
    from accounts.models import ImportBatch
    from accounts.services import create_batch
    from audit.actors import Actor

    batch = create_batch(
        actor=Actor.system("command"), origin=ImportBatch.Origin.COMMAND, path=path
    )
    batch = run_batch(batch.pk)
    if batch.rejected:
        raise RuntimeError(f"{batch.rejected} rows of {path.name} were rejected.")
    return batch.accepted + batch.duplicates


def _connect(home: Path) -> Any:
    import psycopg2

    from config.embedded import DATABASE, EmbeddedServer

    server = EmbeddedServer.at(home)
    server.ensure_running()
    return psycopg2.connect(server.dsn(database=DATABASE))


def _empty(home: Path) -> None:
    connection = _connect(home)
    with connection, connection.cursor() as cursor:
        # Cases and assessments, of which there are none here, refuse to be emptied.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"TRUNCATE {', '.join(TABLES.values())} RESTART IDENTITY CASCADE")
    connection.autocommit = True
    with connection.cursor() as cursor:
        for name in TABLES.values():
            cursor.execute(f"VACUUM {name}")
    connection.close()


def _copy(home: Path, statement: str, path: Path, mode: str) -> None:
    connection = _connect(home)
    with connection, connection.cursor() as cursor, path.open(mode) as file:
        cursor.copy_expert(statement, file, size=1 << 20)
    connection.close()


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start


def in_a_process_of_its_own(rows: int, home: Path) -> dict[str, Any]:
    """``measure`` where settings, connections and memory are not shared with other measurements."""
    command = [sys.executable, "-m", "bench.imports", "--rows", str(rows), "--home", str(home)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="a folder for the database; default: temporary")
    options = parser.parse_args()
    if options.home is not None:
        result = measure(options.rows, options.home.resolve())
    else:
        with temporary_home() as home:
            result = measure(options.rows, home)
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
