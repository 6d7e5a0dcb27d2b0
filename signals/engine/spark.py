"""The engine for more than one machine: the same expressions on Apache Spark.

Contact facts and circles are joins here (``signals.engine.joins``). The prepared columns pass through
the driver, which also computes communities with the embedded engine's kernel; everything that grows
with contacts times ties happens in the cluster. Executors need no Python.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    from pyspark.sql import DataFrame, SparkSession

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
    """A session on ``master`` (default SIGNALS_SPARK_MASTER, else this machine's cores).

    Joins the Spark application that runs in this process, if any. Raises SparkMissing.
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
            "SIGNALS_ENGINE=spark needs Java 17 or 21: install it, or let JAVA_HOME name its folder."
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


def _has_java() -> bool:
    home = os.environ.get("JAVA_HOME")
    return (Path(home) / "bin" / "java").exists() if home else shutil.which("java") is not None


class Spark:
    """Holds tables by name and evaluates expressions over them. Close it when done.

    Stops the Spark application that it started itself; joins one that runs in this process already.
    Raises SparkMissing.
    """

    name = "spark"

    def __init__(self) -> None:
        self._session: SparkSession | None = None

    def __enter__(self) -> Spark:
        application = start_is_needed()
        self._application = start()
        self._started = application
        self._session = self._application.newSession()
        for name, value in SESSION.items():
            self._session.conf.set(name, value)
        folder = os.environ.get("SIGNALS_SPARK_CHECKPOINTS")
        if folder:
            self._session.sparkContext.setCheckpointDir(folder)
        self._keep_on_disk = bool(folder)
        self._ibis = ibis.pyspark.connect(self._session)
        return self

    def __exit__(self, *_: object) -> None:
        if self._started:
            self._application.stop()
