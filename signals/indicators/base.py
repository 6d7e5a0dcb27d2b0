"""What an indicator is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr.types import Table
from numpy.typing import NDArray

from signals.engine.canonical import CONTACT_KINDS, OUTCOMES
from signals.engine.cohorts import Cohorts
from signals.engine.prepare import DAY, Prepared
from signals.engine.priors import LAYOUTS, Priors
from signals.spec import ThresholdSpec

Floats = NDArray[np.float64]
Range = tuple[float, float]


# evaluate an expression: its columns by name, rows in no particular order
Ask = Callable[[Table], Mapping[str, NDArray[Any]]]
# compute something once in a run; later calls give the same
Once = Callable[[str, Callable[[], Any]], Any]
# evaluate an expression once into a table of that name; later calls give the same table
Keep = Callable[[str, Table], Table]


@dataclass(frozen=True)
class Tables:
    """The canonical tables as expressions; see ``signals.engine.canonical`` for their columns.

    ``neighbour_sums(name, values, organic)``: a row of whole numbers an account, added up over its
    neighbours at the run. ``communities()``: account, community. ``circle(contacts)``: event,
    peers_0 …, how many other targets of the same account know the target. ``add_up(name, rows)``:
    see ``tally``; ``busiest_of(name, rows, days)``: see ``busiest``. ``load`` makes a small Arrow
    table known. ``priors``: what a run over everything found, where this is a part of it.
    """

    accounts: Table
    ties: Table
    contacts: Table
    safety: Table
    approaches: Table
    requests: Table
    facts: Table
    spec: ThresholdSpec
    as_of: int
    prepared: Prepared
    ask: Ask
    pieces: Callable[[Table], Iterator[pa.RecordBatch]]
    keep: Keep
    load: Callable[[str, pa.Table], Table]
    neighbour_sums: Callable[[str, pa.Table, bool], Table]
    communities: Callable[[], Table]
    circle: Callable[[Table], Table]
    add_up: Callable[[str, Table], Table]
    busiest_of: Callable[[str, Table, tuple[int, ...]], Table]
    drop: Callable[[str], None]
    once: Once
    priors: Priors = field(default_factory=Priors)
    # how the tables that no expression gives came about, by name
    makers: dict[str, Callable[[Tables], pa.Table]] = field(default_factory=dict)
    tallied: list[str] = field(default_factory=list)

    def make(self, name: str, maker: Callable[[Tables], pa.Table]) -> Table:
        """Make the table ``maker(self)`` known."""
        self.makers[name] = maker
        return self.load(name, maker(self))

    def sums(self, name: str, maker: Callable[[Tables], pa.Table], organic: bool) -> Table:
        """``neighbour_sums`` of ``maker(self)``."""
        self.makers[name] = maker
        return self.neighbour_sums(name, maker(self), organic)

    def answer(self, name: str, question: Callable[[], Table]) -> Mapping[str, NDArray[Any]]:
        """The rows of ``question()``, under a name that is the same in every run."""
        found = self.ask(question())
        while self.tallied:
            self.drop(self.tallied.pop())
        return found

    def tally(self, rows: Table) -> Table:
        """Sums by account over each stretch: account and, for each other column, NAME_0 ….

        ``rows``: account, stretch, and columns of whole numbers; without a stretch the sum of all
        of NAME is called so. The sums can be asked for until the question that needs them is
        answered.
        """
        whole = {
            name: rows[name].fill_null(0)
            for name in rows.columns
            if name not in ("account", "stretch")
        }
        return self.add_up(self._until_answered(), rows.mutate(**whole))

    def busiest(self, rows: Table, days: tuple[int, ...]) -> Table:
        """The busiest windows of so many days: see ``signals.engine.windows.busiest``."""
        return self.busiest_of(self._until_answered(), rows, days)

    def _until_answered(self) -> str:
        """A name for a table that goes once the question at hand is answered."""
        name = f"tally_{len(self.tallied)}"
        self.tallied.append(name)
        return name

    def remember(self, name: str, rows: Table) -> Table:
        """Keep rows among the priors, under a name of ``signals.engine.priors.LAYOUTS``."""

        def parts() -> Iterator[Mapping[str, NDArray[Any]]]:
            none = rows.schema().to_pyarrow().empty_table()
            yield {column: none[column].to_numpy() for column in none.column_names}
            for piece in self.pieces(rows.order_by(LAYOUTS[name].by)):
                yield {column: piece[column].to_numpy() for column in piece.schema.names}

        self.priors.keep(name, parts)
        return rows

    def recall(self, name: str) -> Table:
        """The rows that a run over everything kept, as far as they concern the accounts here."""
        return self.make(f"kept_{name}", lambda tables: tables.priors.table(name))

    def toward_children(self) -> Table:
        """Contacts that count: with a child, by an account that was none, within the history."""
        c = self.contacts
        c = c.filter(c.own & (c.weight > 0) & (c.stretch < len(self.spec.stretches)))
        return self.keep("toward_children", c)


@dataclass(frozen=True)
class Frame:
    """Counts of the accounts that have any: ``account`` numbers and (stretch, row) columns."""

    account: NDArray[np.int64]
    columns: Mapping[str, Floats]

    def __getitem__(self, name: str) -> Floats:
        return self.columns[name]


@dataclass(frozen=True)
class Spread:
    """Where nine in ten comparable accounts lie: ``between(n, first, second)``.

    ``first`` and ``second`` are (stretch, row).
    """

    between: Callable[[float, float, float], Range]
    first: Floats
    second: Floats


@dataclass(frozen=True)
class Judgement:
    """What an indicator makes of its counts; all (stretch, row), rows as in ``account``.

    ``llr`` is NaN where the evidence is below the minimum; ``expected`` is in units of k.
    """

    account: NDArray[np.int64]
    llr: Floats
    k: Floats
    n: Floats
    expected: Floats
    spread: Spread | None = None
    details: Mapping[str, Floats] = field(default_factory=lambda: MappingProxyType({}))

    def range(self, stretch: int, row: int) -> Range | None:
        """Where nine in ten comparable accounts lie, in units of k."""
        if self.spread is None:
            return None
        first, second = self.spread.first[stretch, row], self.spread.second[stretch, row]
        return self.spread.between(float(self.n[stretch, row]), float(first), float(second))

    def only(self, rows: NDArray[np.bool_]) -> Judgement:
        """These rows, in half the memory: what is shown needs no more digits."""

        def part(values: Floats) -> Floats:
            return values[:, rows].astype(np.float32)

        spread = self.spread and replace(
            self.spread, first=part(self.spread.first), second=part(self.spread.second)
        )
        return Judgement(
            account=self.account[rows],
            llr=self.llr[:, rows],
            k=part(self.k),
            n=part(self.n),
            expected=part(self.expected),
            spread=spread,
            details={name: part(values) for name, values in self.details.items()},
        )


@dataclass(frozen=True)
class Said:
    """The numbers that a sentence needs."""

    k: float
    n: float
    expected: float
    low: float | None
    high: float | None
    details: Mapping[str, float]


class Indicator(Protocol):
    """A module of this package. ``KEY`` names it in ``signals.spec``."""

    KEY: str

    def counts(self, tables: Tables) -> Table:
        """One row an account: ``account`` and measures by stretch (see ``by_stretch``)."""

    def judge(self, frame: Frame, cohorts: Cohorts, spec: ThresholdSpec) -> Judgement:
        """Log-likelihood ratios from the counts."""

    def sentence(self, said: Said) -> str:
        """The finding in plain English, without its points."""

    def lacking(self, said: Said | None, spec: ThresholdSpec) -> str:
        """Why there is not enough evidence."""

    def rows(self, tables: Tables) -> Table:
        """The evidence rows of every account: see ``EVIDENCE_ROW``."""


# account, event, target, at, kind, outcome, m, m_star, deg_u, deg_v, stretch, counted, value
EVIDENCE_ROW = (
    "account", "event", "target", "at", "kind", "outcome", "m", "m_star", "deg_u", "deg_v",
    "stretch", "counted", "value",
)  # fmt: skip


def total(whole: Any, where: Any = None) -> Any:
    """The sum of whole numbers as 64 bits, 0 of none."""
    return whole.sum(where=where).fill_null(0).cast("int64")


def by_stretch(tables: Tables, rows: Table, by: str, **measures: Any) -> Table:
    """Sum measures (true/false or whole numbers) by account over each stretch.

    Gives ``account`` and ``NAME_0`` … one for each stretch; each holds the shorter ones before it.
    """
    whole = {
        name: measure.cast("int8" if measure.type().is_boolean() else "int64")
        for name, measure in measures.items()
    }
    inside = rows.select(account=rows[by], stretch="stretch", **whole)
    return tables.tally(inside.filter(inside.stretch < len(tables.spec.stretches)))


def contact_rows(tables: Tables, chosen: Table, counted: Any, value: Any = None) -> Table:
    """Evidence rows from contacts; ``counted`` marks those that are among the k."""
    degrees = tables.facts.select(facts_event="event", deg_u="deg_u")
    c = chosen.mutate(
        counted=counted, value=ibis.null("float64") if value is None else value.cast("float64")
    )
    c = c.join(degrees, c.event == degrees.facts_event)
    return c.select(
        account="u",
        event="event",
        target="v",
        at="t",
        kind=ibis.cases(*((c.kind == i, name) for i, name in enumerate(CONTACT_KINDS))),
        outcome=ibis.cases(*((c.outcome == i, name) for i, name in enumerate(OUTCOMES))),
        m=c.m.cast("int64"),
        m_star=c.m_star.cast("int64"),
        deg_u=c.deg_u.cast("int64"),
        deg_v=c.deg_v.cast("int64"),
        stretch=c.stretch,
        counted=c.counted,
        value=c.value,
    )


def safety_rows(chosen: Table, kind: Any, counted: Any, value: Any) -> Table:
    """Evidence rows from safety events: event, u (whom it is about), v, t, stretch in
    ``chosen``."""
    return chosen.select(
        account="u",
        event="event",
        target="v",
        at="t",
        kind=kind,
        outcome=ibis.null("string"),
        m=ibis.null("int64"),
        m_star=ibis.null("int64"),
        deg_u=ibis.null("int64"),
        deg_v=ibis.null("int64"),
        stretch="stretch",
        counted=counted,
        value=value.cast("float64"),
    )


def stretch_of(t: Any, spec: ThresholdSpec, as_of: int) -> Any:
    """Position of the shortest stretch that holds the time, their number if none does."""
    places = enumerate(spec.stretches)
    inside = ((t >= as_of - days * DAY, place) for place, days in places)
    return ibis.cases(*inside, else_=len(spec.stretches)).cast("int8")


def half_ties(ties: Table) -> Table:
    """Each tie from both sides: x, w, start, end, init (when x began it, or NEVER)."""
    one = ties.select(x="a", w="b", start="start", end="end", init="init_a")
    return one.union(ties.select(x="b", w="a", start="start", end="end", init="init_b"))


def number(value: float) -> str:
    """A count as people write it: whole where it is whole, else one decimal."""
    rounded = round(value, 1)
    return f"{rounded:.0f}" if rounded == int(rounded) else f"{rounded:.1f}"


def about(value: float) -> str:
    """What is to be expected, to one decimal; never "0.0", which would say impossible."""
    return f"{value:.1f}" if value >= 0.05 else "fewer than 0.1"


def counted(value: float, one: str, several: str) -> str:
    """ "1 child", "2 children", "no" being "0 children"."""
    shown = number(value)
    return f"{shown} {one if shown == '1' else several}"


def was(value: float) -> str:
    """The verb after so many of something."""
    return "was" if number(value) == "1" else "were"


def compared(said: Said, of: bool = True) -> str:
    """ "comparable accounts: 3 of 19 (nine in ten: 0 to 8)"."""
    text = f"comparable accounts: {number(said.expected)}"
    if of:
        text += f" of {number(said.n)}"
    if said.low is not None and said.high is not None:
        text += f" (nine in ten: {number(said.low)} to {number(said.high)})"
    return text


def needed(minimum: int) -> str:
    """ "3 are needed"."""
    return f"{minimum} {'is' if minimum == 1 else 'are'} needed"


def too_few(found: float | None, minimum: int, one: str, several: str, rest: str = "") -> str:
    """ "2 first contacts with children; 3 are needed". ``rest`` follows the noun."""
    there = f"no {several}" if found is None else counted(found, one, several)
    return f"{there}{rest}; {needed(minimum)}"
