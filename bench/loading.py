"""A large community into an empty database, the quick way.

Measurements of runs need a full database, and how fast an import is has a measurement of its own:
so accounts are imported, and ties and events, whose identifiers are numbers in the order of the
files, go in by COPY with their indexes made afterwards. The tables are then as after an import.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import adbc_driver_postgresql.dbapi
import numpy as np
import psycopg2
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.imports import import_path
from config.embedded import DATABASE, EmbeddedServer

_TIME: Final = pa.timestamp("us", "UTC")
_MUTUAL: Final = pa.array(["friend", "family"])


def fill(home: Path, folder: Path) -> dict[str, int]:
    """Fill the empty database under ``home`` from the import files in Parquet of ``folder``."""
    from accounts.models import ImportBatch

    rows = {"accounts": import_path(folder / "accounts.parquet")}
    server = EmbeddedServer.at(home)
    server.ensure_running()
    address = server.dsn(database=DATABASE)
    _check_numbers(address)
    batch = ImportBatch.objects.create(
        origin=ImportBatch.Origin.COMMAND, path=str(folder), state=ImportBatch.State.DONE
    )
    for name, columns_of in (("ties", _tie_columns), ("events", _event_columns)):
        table = f"accounts_{name.removesuffix('s')}"
        rows[name] = 0
        with _without_indexes(address, table):
            file = pq.ParquetFile(folder / f"{name}.parquet")
            with (
                adbc_driver_postgresql.dbapi.connect(address) as connection,
                connection.cursor() as cursor,
            ):
                for piece in file.iter_batches(250_000):
                    columns = columns_of(piece)
                    columns["batch_id"] = np.full(len(piece), batch.pk)
                    columns["id"] = np.arange(rows[name] + 1, rows[name] + len(piece) + 1)
                    cursor.adbc_ingest(table, pa.table(columns), mode="append")
                    rows[name] += len(piece)
                connection.commit()
            if name == "ties":
                _drop_repeats(address)
        _ask(address, f"SELECT setval('{table}_id_seq', {rows[name]})")
    batch.accepted_ties, batch.accepted_events = rows["ties"], rows["events"]
    batch.save()
    _ask(address, "VACUUM ANALYZE accounts_tie, accounts_event")
    return rows


def _drop_repeats(address: str) -> None:
    """Leave out ties that are stated twice, as an import does: a relative may share the home."""
    _ask(
        address,
        """
        DELETE FROM accounts_tie one USING accounts_tie other
        WHERE one.kind = 'family' AND other.kind = 'family'
        AND (one.a_id, one.b_id) = (other.a_id, other.b_id)
        AND one.since IS NOT DISTINCT FROM other.since AND one.id > other.id
        """,
    )


def _tie_columns(piece: pa.RecordBatch) -> dict[str, Any]:
    a, b = _numbers(piece["a"]), _numbers(piece["b"])
    mutual = pc.is_in(piece["kind"], value_set=_MUTUAL)
    return {
        "a_id": pc.if_else(mutual, pc.min_element_wise(a, b), a),
        "b_id": pc.if_else(mutual, pc.max_element_wise(a, b), b),
        "kind": piece["kind"],
        "since": _moments(piece["since"]),
        "until": _moments(piece["until"]),
    }


def _event_columns(piece: pa.RecordBatch) -> dict[str, Any]:
    objects = piece["object"]
    numbers = _numbers(objects)
    refers = pc.starts_with(objects, "e")
    nothing = pa.scalar(None, pa.int64())
    return {
        "event_id": piece["event_id"],
        "type": piece["type"],
        "actor_id": _numbers(piece["actor"]),
        "object_id": pc.if_else(refers, nothing, numbers),
        "ref_id": pc.if_else(refers, numbers, nothing),
        "reference": pc.if_else(refers, objects, ""),
        "published": _moments(piece["published"]),
    }


def _numbers(names: pa.Array) -> pa.Array:
    """The number in ``a0000012`` or ``e0000012``, which is the place of the row in its file."""
    return pc.utf8_slice_codeunits(names, 1).cast(pa.int64())


def _moments(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, ""), None, texts).cast(_TIME)


def _check_numbers(address: str) -> None:
    found = _ask(
        address,
        "SELECT count(*) FROM accounts_account WHERE substr(account_id, 2)::bigint <> id",
    )
    if found != 0:
        raise RuntimeError("The accounts did not get the numbers of their rows.")


@contextmanager
def _without_indexes(address: str, table: str) -> Iterator[None]:
    """Take the table's indexes away, and make them anew when the block is done."""
    connection = psycopg2.connect(address)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT format('ALTER TABLE %%1$s DROP CONSTRAINT %%2$I', conrelid::regclass, conname),
                   format('ALTER TABLE %%1$s ADD CONSTRAINT %%2$I %%3$s', conrelid::regclass,
                          conname, pg_get_constraintdef(oid))
            FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'u'
            UNION ALL
            SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
            FROM pg_index WHERE indrelid = %s::regclass AND NOT indisprimary
            AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
            """,
            [table, table],
        )
        found = cursor.fetchall()
        for drop, _ in found:
            cursor.execute(drop)
        yield
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for _, make in found:
            cursor.execute(make)
    connection.close()


def _ask(address: str, query: str) -> Any:
    connection = psycopg2.connect(address)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone() if cursor.description else None
    connection.close()
    return row[0] if row else None
