"""The engine for more than one machine: the same expressions on Apache Spark.

Contact facts, circles, sums and busiest windows are expressions here (``signals.engine.joins``).
The prepared columns pass through the driver, which also computes communities with the embedded
engine's kernel; everything that grows with contacts times ties happens in the cluster. Executors
need no Python.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr.types import Table

from signals.engine import joins
from signals.engine.communities import communities
from signals.engine.derive import columns
from signals.engine.facts import build_index
from signals.engine.prepare import DAY, Prepared

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOCAL = "local[*]"
# what the expressions rely on, whatever the cluster's own defaults are
SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    # a division by zero is null, and not the end of the run
    "spark.sql.ansi.enabled": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "200000",
}
# given to a new Spark application; ``spark-defaults.conf`` says the rest
APPLICATION = {
    "spark.app.name": "Sightline",
    "spark.driver.maxResultSize": "0",
    "spark.log.level": "ERROR",
    "spark.rpc.message.maxSize": "1024",
    "spark.ui.showConsoleProgress": "false",
}
ON_THIS_MACHINE = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",
    "spark.ui.enabled": "false",
}


class SparkMissing(RuntimeError):
    """Spark cannot be used; the message says in one sentence what to do."""


def start(master: str | None = None) -> SparkSession:
    """A Spark application on ``master`` (default SIGNALS_SPARK_MASTER, else this machine's cores).

    Raises SparkMissing.
    """
    master = master or os.environ.get("SIGNALS_SPARK_MASTER") or LOCAL
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise SparkMissing(
            "SIGNALS_ENGINE=spark needs PySpark: install requirements-spark.txt."
        ) from None
    if not _has_java():
        raise SparkMissing(
            "SIGNALS_ENGINE=spark needs Java 17 or 21: install it, or let JAVA_HOME name it."
        )
    is_local = master.startswith("local")
    settings = {"spark.master": master} | APPLICATION | (ON_THIS_MACHINE if is_local else {})
    builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except Exception as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise SparkMissing(f"Spark did not start on {master}: {said[0]}") from error


def _join() -> tuple[SparkSession, bool]:
    """The Spark application of this process, and whether it was started for this."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        return start(), True
    running = SparkSession.getActiveSession()
    return (start(), True) if running is None else (running, False)


def _has_java() -> bool:
    home = os.environ.get("JAVA_HOME")
    return (Path(home) / "bin" / "java").exists() if home else shutil.which("java") is not None


class Spark:
    """Holds tables by name and evaluates expressions over them. Close it when done.

    Stops the Spark application if it started it itself; joins one that runs in this process
    already. ``SIGNALS_SPARK_CHECKPOINTS`` names a folder that all machines reach: intermediate
    tables then survive the loss of a machine. Raises SparkMissing.
    """

    name = "spark"

    def __init__(self) -> None:
        self._application, self._is_own = _join()
        self._session: Any = self._application.newSession()
        for name, value in SESSION.items():
            self._session.conf.set(name, value)
        self._folder = os.environ.get("SIGNALS_SPARK_CHECKPOINTS", "")
        if self._folder:
            self._session.sparkContext.setCheckpointDir(self._folder)
        self._ibis = ibis.pyspark.connect(self._session)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_own:
            self._application.stop()

    def load(self, name: str, table: pa.Table) -> Table:
        """Send an Arrow table to the cluster under this name."""
        from pyspark.sql.pandas.types import from_arrow_schema

        schema = from_arrow_schema(table.schema)
        rows = table if table.num_rows else []
        return self._known(name, self._session.createDataFrame(rows, schema))

    def materialise(self, name: str, expression: Table) -> Table:
        """Evaluate an expression into a table of that name, kept in the cluster."""
        frame = self._frame(expression)
        return self._known(name, frame.checkpoint() if self._folder else frame.localCheckpoint())

    def drop(self, *names: str) -> None:
        """Forget tables that are no longer needed."""
        for name in names:
            self._session.catalog.dropTempView(name)

    def fetch(self, expression: Table) -> pa.Table:
        """Evaluate an expression; rows in no particular order."""
        return self._frame(expression).toArrow().cast(expression.schema().to_pyarrow())

    def pieces(self, expression: Table) -> Iterator[pa.RecordBatch]:
        """Evaluate an expression; all rows pass through the driver."""
        yield from self.fetch(expression).to_batches()

    def last(self, name: str) -> Iterator[pa.RecordBatch]:
        """The rows of a table; the others stay in the cluster, where they are in nobody's way."""
        return self.pieces(self._ibis.table(name))

    def facts(self, ties: Table, first: Table, prepared: Prepared, organic_days: int) -> Table:
        """First contacts with their facts: m, m_star, m_final, deg_u, deg_v, first_mutual."""
        found = joins.contact_facts(ties, first, prepared.as_of, organic_days * DAY)
        return self.materialise("facts", found)

    def narrow(self, name: str, columns: Sequence[str]) -> Table:
        """Keep only these columns of the facts."""
        return self._known(name, self._session.table(name).select(*columns))

    def neighbour_sums(
        self, ties: Table, name: str, values: pa.Table, prepared: Prepared, organic: bool
    ) -> Table:
        """``values`` (by account number) added up over each account's neighbours at the run."""
        numbers = pa.array(np.arange(prepared.count, dtype=np.int32))
        own = self.load(f"{name}_values", values.append_column("account", numbers))
        return self.materialise(name, joins.neighbour_sums(ties, own, prepared.as_of, organic))

    def communities(self, ties: Table, prepared: Prepared) -> Table:
        """The community of every account: account, community. Computed by the driver."""
        t = columns(self.fetch(ties))
        index = build_index(prepared.count, t["a"], t["b"], t["start"], t["end"])
        label = communities(index, prepared.accounts, prepared.as_of)
        numbers = np.arange(prepared.count, dtype=np.int32)
        return self.load("communities", pa.table({"account": numbers, "community": label}))

    def circle(self, ties: Table, contacts: Table, prepared: Prepared, stretches: int) -> Table:
        """For each contact (event) how many other targets of u know the target: peers_0 …"""
        return self.materialise("circle", joins.circle(ties, contacts, stretches))

    def add_up(self, name: str, rows: Table, prepared: Prepared, stretches: int) -> Table:
        """Sums by account over each stretch, see ``Tables.tally``."""
        return joins.tally(rows, stretches)

    def busiest(self, name: str, rows: Table, days: tuple[int, ...], stretches: int) -> Table:
        """Busiest windows, see ``signals.engine.windows``."""
        return joins.busiest(rows, days, stretches)

    def _frame(self, expression: Table) -> Any:
        return self._session.sql(ibis.to_sql(expression, dialect="pyspark"))

    def _known(self, name: str, frame: Any) -> Table:
        frame.createOrReplaceTempView(name)
        return self._ibis.table(name)
