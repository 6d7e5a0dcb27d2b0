"""What a run compared accounts with, so that a few accounts can be computed again against it.

A run over the whole graph fits cohorts, communities, how strict recipients are, how reliable
reporters have been, and which accounts approach the same children. Kept beside the run, these are
the *priors* with which the same code computes a part of the graph: ``Recorder`` keeps them,
``Stored`` finds them again, and ``Frozen`` gives what concerns the accounts of one part.

Rows are files, one a column, which are looked up where they lie, without being read into memory.
Accounts stand there by the number that the run gave them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final, TypeVar, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

T = TypeVar("T")
Rows = Mapping[str, NDArray[Any]]

FORMAT: Final = 4
"""Raised when what is kept changes: priors of another format are not used."""


class Priors:
    """Keeps nothing but the small figures of the run itself; see ``Recorder`` and ``Frozen``.

    Figures stand under names. What an indicator asks of its cohorts has the indicator's name and
    the number of the question, which is the same in every run of the same engine.
    """

    frozen: bool = False

    def __init__(self) -> None:
        self.figures: dict[str, NDArray[Any]] = {}
        self._chapter, self._asked = "", dict[str, int]()

    def open(self, chapter: str) -> None:
        """The questions that follow are this indicator's."""
        self._chapter, self._asked = chapter, {}

    def page(self, kind: str) -> str:
        """The name of the indicator's next question of this kind."""
        self._asked[kind] = self._asked.get(kind, 0) + 1
        return f"{self._chapter}/{kind}/{self._asked[kind]}"

    def note(self, name: str, value: Any) -> None:
        """Remember a figure, or an array of them."""
        self.figures[name] = np.asarray(value)

    def fixed(self, name: str, make: Callable[[], T]) -> T:
        """``make()`` of the run over everything: made now, or as it was then."""
        value = make()
        self.note(name, value)
        return value

    def keep(self, name: str, parts: Callable[[], Iterable[Rows]]) -> None:
        """Remember many rows, part after part, sorted by ``LAYOUTS[name].by`` over all of them.

        They are asked for only where they are kept.
        """

    def table(self, name: str) -> pa.Table:
        """The rows kept under that name that concern the accounts at hand."""
        raise LookupError(name)


@dataclass(frozen=True)
class Layout:
    """``by``: the column that rows are sorted and looked up by; ``accounts``: account numbers."""

    by: str
    accounts: tuple[str, ...]


LAYOUTS: Final[Mapping[str, Layout]] = {
    # account, community
    "communities": Layout("account", ("account",)),
    # recipient, all_y, all_p: what became of requests to it, and what was to be expected
    "recipients": Layout("recipient", ("recipient",)),
    # u, v, y, p, cell: each request's part in these, and its circumstances
    "requests": Layout("u", ("u", "v")),
    # u, community and sums by stretch: children that u contacted there
    "reach": Layout("u", ("u",)),
    # place (a community) and sums by stretch: children whom anybody contacted there
    "places": Layout("place", ()),
    # about, reporter, confirmed
    "report_outcomes": Layout("reporter", ("about", "reporter")),
    # a, b and what they share, by stretch
    "pairs": Layout("a", ("a", "b")),
    # event, u, v, t, z, place: contacts of accounts in pairs
    "strangers": Layout("u", ("u", "v")),
}


_ACCOUNTS: Final = frozenset(name for layout in LAYOUTS.values() for name in layout.accounts)


class Recorder(Priors):
    """Keeps everything in ``folder``, which is whole once ``finish`` has returned."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, name: str, parts: Callable[[], Iterable[Rows]]) -> None:
        with ExitStack() as stack:
            files: dict[str, IO[bytes]] = {}
            for part in parts():
                for column, values in part.items():
                    kind = _kind(column, values)
                    if column not in files:
                        path = _column_file(self._folder, name, column)
                        files[column] = stack.enter_context(path.open("wb"))
                        self.note(f"{name}.{column}", np.zeros(0, kind))
                    values.astype(kind).tofile(files[column])

    def finish(self, ids: NDArray[np.int64], as_of: int, ranked: NDArray[np.float64]) -> None:
        """Write the figures: the accounts' ids, the run's instant (µs), its points, falling."""
        figures: dict[str, Any] = {
            **self.figures,
            "format": np.asarray(FORMAT),
            "ids": ids,
            "as_of": np.asarray(as_of),
            "ranked": np.sort(ranked),
        }
        np.savez(self._folder / "figures.npz", **figures)


def _column_file(folder: Path, name: str, column: str) -> Path:
    return folder / f"{name}.{column}.bin"


def _kind(column: str, values: NDArray[Any]) -> np.dtype[Any]:
    """Accounts in 32 bits, as everywhere in a run; everything else as it comes."""
    return np.dtype(np.int32) if column in _ACCOUNTS else values.dtype


class Stored:
    """The priors that a ``Recorder`` left. Raises OSError, ValueError: they are not whole."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "figures.npz") as file:
            self.figures: dict[str, NDArray[Any]] = {name: file[name] for name in file.files}
        if int(self.figures["format"]) != FORMAT:
            raise ValueError(f"{folder.name}: another format")
        self.ids: NDArray[np.int64] = self.figures["ids"]
        self._tables: dict[str, dict[str, NDArray[Any]]] = {}
        for name in self.figures:
            table, _, column = name.partition(".")
            if table in LAYOUTS:
                path = _column_file(folder, table, column)
                kind = self.figures[name].dtype
                # an empty file cannot be mapped
                values = np.memmap(path, kind, "r") if path.stat().st_size else np.zeros(0, kind)
                self._tables.setdefault(table, {})[column] = values

    @property
    def as_of(self) -> int:
        """The instant of the run, µs."""
        return int(self.figures["as_of"])

    def rank(self, points: float) -> int:
        """Which rank so many points would have had in the run."""
        ranked = self.figures["ranked"]
        return 1 + len(ranked) - int(np.searchsorted(ranked, points, side="right"))

    def numbers(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The run's number of each account, −1 for one that it did not know."""
        if not len(self.ids):
            return np.full(len(ids), -1, np.int64)
        place = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[place] == ids, place, -1)

    def partners(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Accounts that approach the same children as these, by id."""
        if "pairs" not in self._tables:
            return np.zeros(0, np.int64)
        table = self._tables["pairs"]
        a, b = table["a"], table["b"]
        own = self.numbers(ids)
        found = np.concatenate([b[np.isin(a, own)], a[np.isin(b, own)]])
        return np.unique(self.ids[found])

    def rows(self, name: str, own: NDArray[np.int64]) -> pa.Table | None:
        """The rows of these accounts (numbers, −1 for none); None where nothing was kept."""
        table = self._tables.get(name)
        layout = LAYOUTS[name]
        if table is None:
            return None
        if not layout.accounts:
            return pa.table({column: np.asarray(values) for column, values in table.items()})
        sorted_by = table[layout.by]
        known = np.unique(own[own >= 0]).astype(sorted_by.dtype)
        first = np.searchsorted(sorted_by, known, side="left")
        size = np.searchsorted(sorted_by, known, side="right") - first
        before = np.concatenate([[0], np.cumsum(size)])
        places = np.repeat(first - before[:-1], size) + np.arange(before[-1])
        return pa.table({column: np.asarray(values[places]) for column, values in table.items()})


class Frozen(Priors):
    """The priors of a run, for the accounts ``ids`` (sorted) of a part of the graph.

    ``table`` gives account numbers of that part, −1 for accounts outside it.
    """

    frozen = True

    def __init__(self, stored: Stored, ids: NDArray[np.int64]) -> None:
        super().__init__()
        self.figures = stored.figures
        self._stored, self._ids = stored, ids

    def fixed(self, name: str, make: Callable[[], T]) -> T:
        figure = self.figures[name]
        found: Any = figure[()] if figure.ndim == 0 else figure
        return cast(T, found)

    def note(self, name: str, value: Any) -> None:
        """What is frozen stays."""

    @cached_property
    def _own(self) -> NDArray[np.int64]:
        return self._stored.numbers(self._ids)

    def table(self, name: str) -> pa.Table:
        found = self._stored.rows(name, self._own)
        if found is None:
            raise LookupError(name)
        for column in LAYOUTS[name].accounts:
            there = self._stored.ids[found[column].to_numpy()]
            number = np.full(len(there), -1, np.int32)
            if len(self._ids):
                place = np.minimum(np.searchsorted(self._ids, there), len(self._ids) - 1)
                number = np.where(self._ids[place] == there, place, -1).astype(np.int32)
            position = found.column_names.index(column)
            found = found.set_column(position, column, pa.array(number))
        return found

    def communities(self, texts: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The community of each account; ``texts``: the key of the imported one, 0 for none.

        An account that the run did not know belongs to the community of its name, else to none
        but its own.
        """
        found = self._stored.rows("communities", self._own)
        result = -1 - np.arange(len(self._ids), dtype=np.int32)
        keys, labels = self.figures["community_keys"], self.figures["community_labels"]
        if len(keys):
            place = np.minimum(np.searchsorted(keys, texts), len(keys) - 1)
            named = (texts != 0) & (keys[place] == texts)
            result = np.where(named, labels[place], result).astype(np.int32)
        known = self._own >= 0
        if found is not None and known.any():
            by_number = dict(
                zip(found["account"].to_pylist(), found["community"].to_pylist(), strict=True)
            )
            result[known] = [by_number[number] for number in self._own[known].tolist()]
        return result
