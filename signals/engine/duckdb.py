"""The embedded engine: DuckDB in memory, with the compiled kernel for contact facts."""

from __future__ import annotations

import os
import tempfile

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr.types import Table

from signals.engine.communities import communities
from signals.engine.derive import columns
from signals.engine.facts import TieIndex, build_index, circle, contact_facts
from signals.engine.machine import threads
from signals.engine.prepare import DAY, Prepared


class DuckDB:
    """Holds tables by name and evaluates expressions over them. Close it when done."""

    name = "duckdb"

    def __init__(self) -> None:
        self._spill = tempfile.TemporaryDirectory(prefix="sightline-")
        self._ibis = ibis.duckdb.connect(
            threads=threads(),
            temp_directory=self._spill.name,
            preserve_insertion_order=False,
            memory_limit=os.environ.get("SIGNALS_MEMORY", "5GB"),
        )
        self._connection = self._ibis.con
        self._index: TieIndex | None = None

    def __enter__(self) -> DuckDB:
        return self

    def __exit__(self, *_: object) -> None:
        self._ibis.disconnect()
        self._spill.cleanup()

    def load(self, name: str, table: pa.Table) -> Table:
        """Make an Arrow table known by name; it is read where it lies."""
        self._connection.register(name, table)
        return self._ibis.table(name)

    def materialise(self, name: str, expression: Table) -> Table:
        """Evaluate an expression into a table of that name."""
        sql = ibis.to_sql(expression, dialect="duckdb")
        self._connection.execute(f'CREATE OR REPLACE TABLE "{name}" AS {sql}')
        return self._ibis.table(name)

    def drop(self, *names: str) -> None:
        """Forget tables that are no longer needed."""
        for name in names:
            self._connection.execute(f'DROP TABLE IF EXISTS "{name}"')

    def fetch(self, expression: Table) -> pa.Table:
        """Evaluate an expression; rows in no particular order."""
        sql = ibis.to_sql(expression, dialect="duckdb")
        # DuckDB adds whole numbers up in 128 bits, which Arrow can only take as decimals
        return self._connection.sql(sql).to_arrow_table().cast(expression.schema().to_pyarrow())

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
        for name, values in vars(found).items():
            contacts = contacts.append_column(name, pa.array(values))
        return self.load("facts", contacts)

    def communities(self, ties: Table, prepared: Prepared) -> Table:
        """The community of every account: account, community."""
        label = communities(self._index_of(ties, prepared), prepared.accounts, prepared.as_of)
        numbers = np.arange(prepared.count, dtype=np.int32)
        return self.load("communities", pa.table({"account": numbers, "community": label}))

    def circle(self, ties: Table, contacts: Table, prepared: Prepared, stretches: int) -> Table:
        """For each contact (event) how many other targets of u know the target: peers_0 …"""
        c = columns(self.fetch(contacts.select("event", "u", "v", "stretch")))
        found = circle(self._index_of(ties, prepared), c["u"], c["v"], c["stretch"], stretches)
        peers = {f"peers_{place}": found[place] for place in range(stretches)}
        return self.load("circle", pa.table({"event": c["event"], **peers}))

    def _index_of(self, ties: Table, prepared: Prepared) -> TieIndex:
        if self._index is None:
            t = columns(self.fetch(ties))
            self._index = build_index(
                prepared.count, t["a"], t["b"], t["start"], t["end"], t["init_a"], t["init_b"]
            )
        return self._index
