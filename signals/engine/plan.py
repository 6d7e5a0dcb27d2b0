"""A run's statements, written down once and carried out again on other rows.

Making SQL from expressions takes seconds, whatever the number of rows; carrying it out on a few
hundred rows takes milliseconds. A run over part of a graph against frozen priors always asks the
same questions in the same order, so ``Recording`` writes them down the first time, and ``Replay``
asks them again. Only the instant of the run differs: it is found in the text by its size, since no
other number there lies within some years of it.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Self

import duckdb
import pyarrow as pa
from ibis.expr.types import Table
from numpy.typing import NDArray

from signals.engine.communities import text_keys
from signals.engine.derive import columns
from signals.engine.duckdb import DuckDB
from signals.engine.prepare import DAY, Prepared
from signals.engine.priors import Frozen
from signals.indicators.base import Tables
from signals.spec import ThresholdSpec

Kind = Literal[
    "make", "statement", "question", "drop", "facts", "narrow", "sums", "circle", "tally", "windows"
]
Maker = Callable[[Tables], pa.Table]

EARLIEST: Final = 10**15
"""µs, in 2001: before that the instant of a run is too small to be told from other numbers."""

_BEFORE: Final = 4000 * DAY
_NUMBER: Final = re.compile(r"\b\d{16}\b")


_OPTIMISERS: Final = frozenset({"filter_pushdown", "deliminator", "unnest_rewriter"})
"""What DuckDB does to a statement that is carried out on few rows. Everything else that it can do
takes longer than it spares there."""

_standing = threading.local()


class CannotReplay(Exception):
    """The rows at hand need a question that was not written down."""


@dataclass(frozen=True)
class Step:
    """One thing that the engine was asked. ``parts``: text, and µs relative to the instant."""

    kind: Kind
    name: str = ""
    parts: tuple[str | int, ...] = ()
    schema: pa.Schema | None = None
    columns: tuple[str, ...] = ()
    organic: bool = False
    days: tuple[int, ...] = ()
    more: Step | None = None

    def sql(self, as_of: int) -> str:
        """The text for a run as of that instant."""
        return "".join(part if isinstance(part, str) else str(as_of + part) for part in self.parts)


@dataclass
class Plan:
    """Sections in their order, each the steps of one question, and how to make what they load."""

    as_of: int
    sections: dict[str, list[Step]] = field(default_factory=dict)
    makers: dict[str, Maker] = field(default_factory=dict)


class Recording(DuckDB):
    """The embedded engine, writing down what it is asked."""

    def __init__(self, as_of: int) -> None:
        if as_of < EARLIEST:
            raise CannotReplay(f"as of {as_of}")
        super().__init__()
        self.plan = Plan(as_of)
        self._section: list[Step] = []
        self._inside = False
        self.begin("derive")

    def begin(self, section: str) -> None:
        """What follows belongs to this section."""
        self._section = self.plan.sections.setdefault(section, [])

    @contextmanager
    def _one(self, step: Callable[[], Step]) -> Any:
        """One step: what the engine asks of itself meanwhile is part of it."""
        outermost = not self._inside
        if outermost:
            self._section.append(step())
        self._inside = True
        try:
            yield
        finally:
            self._inside = not outermost

    def _parts(self, sql: str) -> tuple[str | int, ...]:
        parts: list[str | int] = []
        end = 0
        for found in _NUMBER.finditer(sql):
            offset = int(found.group()) - self.plan.as_of
            if -_BEFORE <= offset <= 0:
                parts += [sql[end : found.start()], offset]
                end = found.end()
        return (*parts, sql[end:])

    def _question(self, expression: Table) -> Step:
        sql = self._ibis.compile(expression)
        return Step("question", parts=self._parts(sql), schema=expression.schema().to_pyarrow())

    def load(self, name: str, table: pa.Table) -> Table:
        with self._one(lambda: Step("make", name)):
            return super().load(name, table)

    def materialise(self, name: str, expression: Table) -> Table:
        with self._one(
            lambda: Step("statement", name, self._parts(self.statement(name, expression)))
        ):
            return super().materialise(name, expression)

    def drop(self, *names: str) -> None:
        with self._one(lambda: Step("drop", columns=names)):
            super().drop(*names)

    def fetch(self, expression: Table) -> pa.Table:
        with self._one(lambda: self._question(expression)):
            return super().fetch(expression)

    def facts(self, ties: Table, first: Table, prepared: Prepared, organic_days: int) -> Table:
        def step() -> Step:
            return replace(self._question(ties), kind="facts", more=self._question(first))

        with self._one(step):
            return super().facts(ties, first, prepared, organic_days)

    def narrow(self, name: str, columns: Sequence[str]) -> Table:
        with self._one(lambda: Step("narrow", name, columns=tuple(columns))):
            return super().narrow(name, columns)

    def neighbour_sums(
        self, ties: Table, name: str, values: pa.Table, prepared: Prepared, organic: bool
    ) -> Table:
        with self._one(lambda: Step("sums", name, organic=organic)):
            return super().neighbour_sums(ties, name, values, prepared, organic)

    def circle(self, ties: Table, contacts: Table, prepared: Prepared, stretches: int) -> Table:
        chosen = contacts.select("event", "u", "v", "stretch")
        with self._one(lambda: replace(self._question(chosen), kind="circle")):
            return super().circle(ties, contacts, prepared, stretches)

    def add_up(self, name: str, rows: Table, prepared: Prepared, stretches: int) -> Table:
        with self._one(lambda: Step("tally", name, self._parts(self.exact(rows)))):
            return super().add_up(name, rows, prepared, stretches)

    def busiest(self, name: str, rows: Table, days: tuple[int, ...], stretches: int) -> Table:
        asked = self._question(rows.order_by(["account", "t"]))
        with self._one(lambda: replace(asked, kind="windows", name=name, days=days)):
            return super().busiest(name, rows, days, stretches)


class Replay(DuckDB):
    """The embedded engine, asked what a plan holds. ``load``, ``sums`` give the rows themselves.

    A thread's replays share one connection. Each is a transaction that is taken back, so that the
    next one finds nothing.
    """

    def __init__(self, plan: Plan, prepared: Prepared, spec: ThresholdSpec, priors: Frozen) -> None:
        super().__init__()
        self._plan, self._prepared, self._spec, self._priors = plan, prepared, spec, priors
        self._made: dict[str, Any] = {}
        self._given: dict[str, Maker] = {
            "accounts": lambda _: prepared.accounts,
            "stated_ties": lambda _: prepared.ties,
            "events": lambda _: prepared.events,
            "replies": lambda _: prepared.replies,
            "communities": lambda _: self._communities(),
        }
        nothing: Any = None
        self.tables = Tables(
            accounts=nothing,
            ties=nothing,
            contacts=nothing,
            safety=nothing,
            approaches=nothing,
            requests=nothing,
            facts=nothing,
            spec=spec,
            as_of=prepared.as_of,
            prepared=prepared,
            ask=columns,  # here rows, not a question
            pieces=nothing,
            keep=nothing,
            load=lambda name, rows: rows,
            neighbour_sums=self._sums,
            communities=nothing,
            circle=nothing,
            add_up=nothing,
            busiest_of=nothing,
            drop=nothing,
            once=self._once,
            priors=priors,
        )
        self.tables = _Answering(**vars(self.tables), replay=self)

    def _open(self) -> None:
        if not hasattr(_standing, "connection"):
            _standing.connection = _new_connection()
        self._connection = _standing.connection

    def __enter__(self) -> Self:
        self._connection.begin()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._connection.rollback()
            for name in self._loaded:
                self._connection.unregister(name)
        except duckdb.Error:
            del _standing.connection

    def load(self, name: str, table: pa.Table) -> Any:
        """Make rows known by name, without asking what they are."""
        self._connection.register(name, table)
        self._loaded.add(name)
        return table

    def give(self, name: str, rows: pa.Table) -> None:
        """Rows for a table that the caller of a section knows."""
        self._given[name] = lambda _: rows

    def play(self, section: str) -> pa.Table:
        """Carry a section out; the rows of its last question, or none.

        Raises CannotReplay for a section that was not written down.
        """
        if section not in self._plan.sections:
            raise CannotReplay(section)
        rows = pa.table({})
        for step in self._plan.sections[section]:
            rows = self._carry_out(step, rows)
        return rows

    def check(self) -> None:
        """Raises CannotReplay where a contact stands twice and the plan does not know of it."""
        sql = "SELECT count(*) - count(DISTINCT (u, v)) FROM facts"
        if self._connection.execute(sql).fetchall() != [(0,)]:
            raise CannotReplay("contacts at the same instant")

    def _carry_out(self, step: Step, rows: pa.Table) -> pa.Table:
        if step.kind == "statement":
            self._connection.execute(step.sql(self._prepared.as_of)).fetchall()
        elif step.kind == "question":
            return self.fetch(step)
        elif step.kind == "drop":
            super().drop(*step.columns)
        elif step.kind == "make":
            maker = self._given.get(step.name) or self._plan.makers.get(step.name)
            if maker is None:
                raise CannotReplay(step.name)
            rows = maker(self.tables)
            self.load(step.name, rows)
        elif step.kind == "sums":
            values = self._plan.makers[step.name](self.tables)
            rows = self._sums(step.name, values, step.organic)
        elif step.kind == "narrow":
            pass  # a few rows may stay as wide as they are
        elif step.kind == "facts":
            self.facts(step, step.more, self._prepared, self._spec.organic_days)
        else:
            self._count(step)
        return rows

    def _count(self, step: Step) -> None:
        """What a compiled kernel makes of a question's rows."""
        stretches = len(self._spec.stretches)
        if step.kind == "circle":
            self.circle_of(self.fetch(step), step, self._prepared, stretches)
        elif step.kind == "tally":
            sql = step.sql(self._prepared.as_of)
            self.add_up_of(step.name, sql, self._prepared, stretches)
        else:
            self.busiest_of(step.name, self.fetch(step), step.days, stretches)

    def fetch(self, expression: Any) -> pa.Table:
        if not isinstance(expression, Step):
            return super().fetch(expression)
        sql = expression.sql(self._prepared.as_of)
        with warnings.catch_warnings():
            # It advises .sql(), which copies no rows but plans the statement twice.
            warnings.filterwarnings("ignore", "Arrow output on a DB-API result", UserWarning)
            rows = self._connection.execute(sql).to_arrow_table()
        return rows.cast(expression.schema)

    def _sums(self, name: str, values: pa.Table, organic: bool) -> pa.Table:
        nothing: Any = None
        super().neighbour_sums(nothing, name, values, self._prepared, organic)
        return self._arrow[name]

    def _communities(self) -> pa.Table:
        texts = text_keys(self._prepared.accounts["community"])
        return pa.table(
            {
                "account": self._prepared.accounts["account"],
                "community": self._priors.communities(texts),
            }
        )

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


def _new_connection() -> duckdb.DuckDBPyConnection:
    """A database in memory, for few rows."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,  # a second thread costs more than it does
            "preserve_insertion_order": False,
            "python_enable_replacements": False,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    every = connection.execute("SELECT name FROM duckdb_optimizers()").fetchall()
    needless = sorted(name for (name,) in every if name not in _OPTIMISERS)
    connection.execute(f"SET disabled_optimizers = '{','.join(needless)}'")
    return connection


@dataclass(frozen=True)
class _Answering(Tables):
    """Tables that answer each question out of the plan."""

    replay: Any = None

    def answer(self, name: str, question: Callable[[], Table]) -> Mapping[str, NDArray[Any]]:
        return columns(self.replay.play(name))
