"""The embedded engine: DuckDB in memory, with the compiled kernel for contact facts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Self

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr.types import Table

from signals.engine.communities import communities
from signals.engine.derive import columns
from signals.engine.facts import TieIndex, build_index, circle, contact_facts, neighbour_sums
from signals.engine.machine import threads
from signals.engine.prepare import DAY, PIECE, Prepared
from signals.engine.tally import tally
from signals.engine.windows import busiest


class DuckDB:
    """Holds tables by name and evaluates expressions over them. Close it when done."""

    name = "duckdb"

    def __init__(self) -> None:
        self._open()
        self._index: TieIndex | None = None
        self._arrow: dict[str, pa.Table] = {}
        self._loaded: set[str] = set()

    def _open(self) -> None:
        self._spill = tempfile.TemporaryDirectory(prefix="sightline-")
        self._ibis = ibis.duckdb.connect(
            threads=threads(),
            temp_directory=self._spill.name,
            preserve_insertion_order=False,
            memory_limit=os.environ.get("SIGNALS_MEMORY", "3GB"),
        )
        self._connection = self._ibis.con

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ibis.disconnect()
        self._spill.cleanup()

    def load(self, name: str, table: pa.Table) -> Table:
        """Make an Arrow table known by name; it is read where it lies."""
        self._connection.register(name, table)
        self._loaded.add(name)
        return self._ibis.table(name)

    def materialise(self, name: str, expression: Table) -> Table:
        """Evaluate an expression into a table of that name."""
        self._connection.execute(self.statement(name, expression)).fetchall()
        return self._ibis.table(name)

    def statement(self, name: str, expression: Table) -> str:
        """What ``materialise`` executes."""
        return f'CREATE OR REPLACE TABLE "{name}" AS {self.exact(expression)}'

    def exact(self, expression: Table) -> str:
        """A statement whose columns have the very types that the expression says."""
        sql = self._ibis.compile(expression)
        # DuckDB adds whole numbers up in 128 bits, which are slow, and decimals to Arrow
        columns = ", ".join(
            f'"{column}"::BIGINT AS "{column}"' if kind.is_int64() else f'"{column}"'
            for column, kind in expression.schema().items()
        )
        return f"SELECT {columns} FROM ({sql})"  # noqa: S608 - names of ours and what Ibis wrote

    def drop(self, *names: str) -> None:
        """Forget tables that are no longer needed."""
        for name in names:
            self._arrow.pop(name, None)
            if name in self._loaded:
                self._loaded.remove(name)
                self._connection.unregister(name)
            else:
                self._connection.execute(f'DROP TABLE IF EXISTS "{name}"').fetchall()

    def fetch(self, expression: Table) -> pa.Table:
        """Evaluate an expression; rows in no particular order."""
        sql = self._ibis.compile(expression)
        # DuckDB adds whole numbers up in 128 bits, which Arrow can only take as decimals
        return self._connection.sql(sql).to_arrow_table().cast(expression.schema().to_pyarrow())

    def pieces(self, expression: Table) -> Iterator[pa.RecordBatch]:
        """Evaluate an expression, so that memory holds a piece of the rows at a time."""
        sql = self._ibis.compile(expression)
        schema = expression.schema().to_pyarrow()
        with self._connection.sql(sql).to_arrow_reader(PIECE) as reader:
            for piece in reader:
                yield piece.cast(schema)

    def last(self, name: str) -> Iterator[pa.RecordBatch]:
        """The rows of a table, piece by piece; everything else is forgotten first."""
        self._index = None
        made = self._connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        self.drop(*(self._loaded | {table for (table,) in made}) - {name})
        yield from self.pieces(self._ibis.table(name))

    def facts(self, ties: Table, first: Table, prepared: Prepared, organic_days: int) -> Table:
        """First contacts with their facts: m, m_star, m_final, deg_u, deg_v, first_mutual."""
        index = self._index_of(ties, prepared)
        contacts = self.fetch(first)
        found = contact_facts(
            index,
            contacts["u"].to_numpy(),
            contacts["v"].to_numpy(),
            contacts["t"].to_numpy(),
            as_of=prepared.as_of,
            organic=organic_days * DAY,
        )
        # only facts need these, and they are large
        self._index = replace(index, begun=index.begun[:0], ended=index.ended[:0])
        for name, values in vars(found).items():
            contacts = contacts.append_column(name, pa.array(values))
        self._arrow["facts"] = contacts
        return self.load("facts", contacts)

    def narrow(self, name: str, columns: Sequence[str]) -> Table:
        """Keep only these columns of the facts, where they may leave memory for the disk."""
        chosen = ", ".join(f'"{column}"' for column in columns)
        self._connection.execute(
            f'CREATE OR REPLACE TABLE "narrow" AS SELECT {chosen} FROM "{name}"'  # noqa: S608 - names of ours
        ).fetchall()
        self.drop(name)
        self._connection.execute(f'ALTER TABLE "narrow" RENAME TO "{name}"').fetchall()
        return self._ibis.table(name)

    def communities(self, ties: Table, prepared: Prepared) -> Table:
        """The community of every account: account, community."""
        label = communities(self._index_of(ties, prepared), prepared.accounts, prepared.as_of)
        numbers = np.arange(prepared.count, dtype=np.int32)
        return self.load("communities", pa.table({"account": numbers, "community": label}))

    def neighbour_sums(
        self, ties: Table, name: str, values: pa.Table, prepared: Prepared, organic: bool
    ) -> Table:
        """``values`` (by account number) added up over each account's neighbours at the run."""
        rows = np.stack([values[column].to_numpy() for column in values.column_names], axis=1)
        index = self._index_of(ties, prepared)
        sums = neighbour_sums(index, rows, prepared.as_of, organic)
        found = {column: sums[:, place] for place, column in enumerate(values.column_names)}
        numbers = np.arange(prepared.count, dtype=np.int32)
        self._arrow[name] = pa.table({"account": numbers, **found})
        return self.load(name, self._arrow[name])

    def circle(self, ties: Table, contacts: Table, prepared: Prepared, stretches: int) -> Table:
        """For each contact (event) how many other targets of u know the target: peers_0 …"""
        return self.circle_of(
            self.fetch(contacts.select("event", "u", "v", "stretch")), ties, prepared, stretches
        )

    def circle_of(
        self, contacts: pa.Table, ties: Table, prepared: Prepared, stretches: int
    ) -> Table:
        """``circle`` of contacts that have been fetched."""
        c = columns(contacts)
        found = circle(self._index_of(ties, prepared), c["u"], c["v"], c["stretch"], stretches)
        peers = {f"peers_{place}": found[place] for place in range(stretches)}
        return self.load("circle", pa.table({"event": c["event"], **peers}))

    def add_up(self, name: str, rows: Table, prepared: Prepared, stretches: int) -> Table:
        """Sums by account over each stretch, see ``Tables.tally``; held in memory until dropped."""
        return self.add_up_of(name, self.exact(rows), prepared, stretches)

    def add_up_of(self, name: str, sql: str, prepared: Prepared, stretches: int) -> Table:
        """``add_up`` of what a statement gives, read piece by piece."""
        with self._connection.sql(sql).to_arrow_reader(PIECE) as reader:
            self._arrow[name] = tally(reader, prepared.count, stretches)
        return self.load(name, self._arrow[name])

    def busiest(self, name: str, rows: Table, days: tuple[int, ...], stretches: int) -> Table:
        """Busiest windows, see ``signals.engine.windows``; held in memory until dropped."""
        return self.busiest_of(name, self.fetch(rows.order_by(["account", "t"])), days, stretches)

    def busiest_of(self, name: str, rows: pa.Table, days: tuple[int, ...], stretches: int) -> Table:
        """``busiest`` of rows that have been fetched in order."""
        self._arrow[name] = busiest(rows, days, stretches)
        return self.load(name, self._arrow[name])

    def _index_of(self, ties: Table, prepared: Prepared) -> TieIndex:
        if self._index is None:
            t = columns(self.fetch(ties))
            self._index = build_index(
                prepared.count, t["a"], t["b"], t["start"], t["end"], t["init_a"], t["init_b"]
            )
        return self._index
