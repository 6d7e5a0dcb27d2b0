"""From the raw graph to plain columns: times as whole µs, ages as instants, rows that make sense.

Nothing from the instant of the run or later passes: this is where "no leak from the future" holds.
Accounts are numbered 0 … n − 1 in the order of their ids; only names depend on that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from signals.engine.kernels import ALWAYS, STILL
from signals.engine.machine import threads
from signals.engine.tables import KINDS, TYPE, TYPES, RawGraph

DAY = 86_400_000_000  # µs
CLOCKS_DIFFER = timedelta(minutes=5)
"""An event may be later than the database's own time by so much and still be taken as it is."""
PIECE = 500_000  # rows prepared at a time
YEAR = 365.2425 * DAY
BANDS = ("under_13", "13_15", "16_17", "18_plus", "unknown")
# an age known only as a band stays what was recorded; for 18_plus a grown-up's
BAND_AGES = {"under_13": 11.0, "13_15": 14.5, "16_17": 16.5, "18_plus": 30.0}
TENURES = (30, 90, 365, 1095)  # days; a bucket ends here


@dataclass
class Prepared:
    """Columns for the engines, as Arrow tables; accounts by number.

    accounts: account, born (µs), fixed_age, until_13/16/18 (under that age before it; null: age
    unknown), verified, region, community, role, name_key. ties: a, b, kind, since, until. events,
    those that name an account: id, type, actor, object, t. replies, those that name an event: id,
    type, actor, ref, t; what (type of the named event; −1 where it is a reply itself), asker and
    asked (its actor and object), asked_at; alone: no other reply names it. labels: account,
    decided, confirmed. The arrays have one entry an account.
    """

    as_of: int
    ids: NDArray[np.int64]
    accounts: pa.Table
    ties: pa.Table
    events: pa.Table
    replies: pa.Table
    labels: pa.Table
    band: NDArray[np.int8]  # position in BANDS, at the run
    tenure: NDArray[np.int8]  # bucket; len(TENURES) + 1: unknown
    offender: NDArray[np.bool_]  # confirmed by people
    exempt: NDArray[np.bool_]
    refused_rows: int

    def forget(self, *names: str) -> None:
        """Let go of large tables of these names once an engine has read them."""
        for name in names:
            setattr(self, name, getattr(self, name).slice(0, 0))

    @property
    def count(self) -> int:
        """How many accounts there are."""
        return len(self.ids)


def micros(column: pa.ChunkedArray | pa.Array, missing: int) -> NDArray[np.int64]:
    """A time column as whole µs, nulls as ``missing``."""
    values = column.cast(pa.int64()).fill_null(missing)
    return np.asarray(values.to_numpy(), np.int64)


def codes(column: pa.ChunkedArray, names: tuple[str, ...]) -> NDArray[np.int8]:
    """The position of each text in ``names``, −1 where it is none of them."""
    if not pa.types.is_dictionary(column.type):
        return np.asarray(_positions(column, names).to_numpy(), np.int8)
    found = [
        np.append(_positions(chunk.dictionary, names).to_numpy(), -1)[
            chunk.indices.fill_null(-1).to_numpy()
        ]
        for chunk in column.chunks
    ]
    return np.concatenate([np.empty(0, np.int8), *found]).astype(np.int8)


def _positions(texts: pa.ChunkedArray | pa.Array, names: tuple[str, ...]) -> Any:
    return pc.index_in(texts, pa.array(names)).fill_null(-1)


def instant(graph: RawGraph, as_of: datetime | None, now: datetime | None = None) -> int:
    """The instant of the run in µs: ``as_of``, else just after the last event.

    With ``now``, events that claim to be later are left out of this, unless most are: a few rows
    from a clock that runs ahead would else make everything before them look old. Without events
    the last decision, tie or account counts. Raises ValueError for a time without a time zone.
    """
    if as_of is not None:
        return _micros_of(as_of)
    published = graph.events["published"].cast(pa.int64())
    last = pc.max(published).as_py()
    if now is not None and last is not None and last > (limit := _micros_of(now)):
        before = pc.less_equal(published, limit)
        if 2 * (pc.sum(before).as_py() or 0) >= len(published):
            last = pc.max(published.filter(before)).as_py()
    if last is None:
        others = (
            graph.labels["decided_at"],
            graph.ties["since"],
            graph.accounts["created_at"],
        )
        found = (pc.max(column).cast(pa.int64()).as_py() for column in others)
        last = next((value for value in found if value is not None), -1)
    return int(last) + 1


def _micros_of(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError("as_of needs a time zone")
    return int(pa.scalar(moment, pa.timestamp("us", tz="UTC")).value)


class _Places:
    """Where each id stands among ``ids``: 0 … n − 1, −1 for one that is not there."""

    def __init__(self, ids: NDArray[np.int64]) -> None:
        self._size = len(ids)
        self._first = int(ids.min()) if self._size else 0
        self._span = int(ids.max()) - self._first + 1 if self._size else 0
        self._table: NDArray[np.int32] | None = None
        # Ids come from a sequence, so they lie close; only those full of gaps are searched.
        if self._span < 20 * self._size + 1_000_000:
            self._table = np.full(self._span + 1, -1, np.int32)
            self._table[ids - self._first] = np.arange(self._size, dtype=np.int32)
        else:
            self._order = np.argsort(ids, kind="stable").astype(np.int32)
            self._sorted = ids[self._order]

    def __call__(self, values: NDArray[np.int64]) -> NDArray[np.int32]:
        if self._table is not None:
            places = values - self._first
            places[(places < 0) | (places > self._span)] = self._span
            return self._table[places]
        found = np.minimum(np.searchsorted(self._sorted, values), self._size - 1)
        return np.where(self._sorted[found] == values, self._order[found], -1).astype(np.int32)


def prepare(
    graph: RawGraph, as_of: int, *, keep: bool = True, decided: int | None = None
) -> Prepared:
    """Everything strictly before ``as_of`` µs. Raises ValueError for a repeated account id.

    Without ``keep`` the graph gives its ties and events up, piece by piece, as they are read.
    ``decided``: what people decided counts before this, where it is not ``as_of`` (µs); events from
    ``as_of`` on are then among the rows that make no sense.
    """
    raw = graph.accounts.sort_by("id")
    ids = np.asarray(raw["id"].to_numpy(), np.int64)
    if np.any(ids[1:] == ids[:-1]):
        raise ValueError("accounts: an id stands there twice")
    numbers = _Places(ids)
    (ties,), bad_ties = _prepared(
        _pieces(graph, "ties", keep), lambda piece: _ties(piece, numbers, as_of)
    )
    (events, replies), bad_events = _prepared(
        _pieces(graph, "events", keep),
        lambda piece: _events(piece, numbers, as_of, later_is_wrong=decided is not None),
    )
    labels = _labels(graph.labels, numbers, as_of if decided is None else decided)
    offender = np.zeros(len(ids), np.bool_)
    offender[labels["account"].to_numpy()[labels["confirmed"].to_numpy(zero_copy_only=False)]] = 1
    exempt = np.zeros(len(ids), np.bool_)
    exempted = numbers(graph.exemptions["account"].to_numpy())
    still = micros(graph.exemptions["until"], STILL) > as_of
    exempt[exempted[still & (exempted >= 0)]] = True
    accounts, band = _accounts(raw, as_of)
    created = micros(raw["created_at"], STILL)
    tenure = np.searchsorted(TENURES, (as_of - created) // DAY, side="right").astype(np.int8)
    tenure[created == STILL] = len(TENURES) + 1
    return Prepared(
        as_of=as_of,
        ids=ids,
        accounts=accounts,
        ties=ties,
        events=events,
        replies=_with_named(replies, events),
        labels=labels,
        band=band,
        tenure=tenure,
        offender=offender,
        exempt=exempt,
        refused_rows=bad_ties + bad_events,
    )


def _birthday(born: NDArray[Any], years: int) -> NDArray[np.int64]:
    """The instant of a birthday in µs; someone born on 29 February comes of age on 1 March."""
    month = born.astype("datetime64[M]")
    day = born - month.astype("datetime64[D]")
    moment = (month + 12 * years).astype("datetime64[D]") + day
    return np.asarray(moment.astype(np.int64) * DAY, np.int64)


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Empty text is no text."""
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def _accounts(raw: pa.Table, as_of: int) -> tuple[pa.Table, NDArray[np.int8]]:
    count = raw.num_rows
    born = np.full(count, np.datetime64("NaT", "D"))
    year = raw["birth_year"].cast(pa.int32()).fill_null(0).to_numpy()
    known_year = year > 0
    born[known_year] = (
        (year[known_year] - 1970).astype("datetime64[Y]").astype("datetime64[M]") + 6
    ).astype("datetime64[D]")
    date = raw["birth_date"].cast(pa.int32()).fill_null(0).to_numpy()
    known_date = np.asarray(raw["birth_date"].is_valid().to_numpy(zero_copy_only=False))
    born[known_date] = date[known_date].astype("datetime64[D]")
    moving = known_year | known_date
    stated = pc.index_in(raw["age_band"], pa.array(BANDS)).fill_null(len(BANDS) - 1).to_numpy()
    fixed = ~moving & (stated < len(BANDS) - 1)
    known = moving | fixed
    until = {}
    for place, age in enumerate((13, 16, 18)):
        limit = np.where(stated <= place, STILL, ALWAYS)
        limit[moving] = _birthday(born[moving], age)
        until[age] = limit
    band = np.full(count, len(BANDS) - 1, np.int8)
    reached = ((as_of >= until[age]).astype(np.int8) for age in (13, 16, 18))
    band[known] = sum(reached, np.zeros(count, np.int8))[known]
    ages = np.array([*BAND_AGES.values(), np.nan])
    columns = {
        "account": pa.array(np.arange(count, dtype=np.int32)),
        "born": pa.array(
            np.where(moving, born.astype(np.int64), 0) * DAY, mask=~moving, type=pa.int64()
        ),
        "fixed_age": pa.array(ages[stated], mask=~fixed),
        **{f"until_{age}": pa.array(until[age], mask=~known) for age in until},
        "verified": pc.fill_null(pc.equal(raw["age_source"], "verified"), False),
        "region": _texts(raw["region"]),
        "community": _texts(raw["community"]),
        "role": _texts(raw["role"]),
        "name_key": raw["name_key"].fill_null(0),
    }
    return pa.table(columns), band


def _pieces(graph: RawGraph, name: str, keep: bool) -> Iterator[pa.Table]:
    """A table in pieces; each is let go of before the next where the graph does not ``keep`` it."""
    table = getattr(graph, name) if keep else graph.give_up(name)
    yield table.slice(0, 0)
    batches = table.to_batches(max_chunksize=PIECE)
    del table
    batches.reverse()
    while batches:
        yield pa.Table.from_batches([batches.pop()])


def _prepared(
    pieces: Iterator[pa.Table], work: Callable[[pa.Table], tuple[list[pa.Table], int]]
) -> tuple[list[pa.Table], int]:
    """What ``work`` makes of all pieces, as whole tables, and how many rows it refused."""
    with ThreadPoolExecutor(threads()) as pool:
        made = list(pool.map(work, pieces))
    tables = zip(*(tables for tables, _ in made), strict=True)
    return [pa.concat_tables(parts) for parts in tables], sum(refused for _, refused in made)


def _ties(raw: pa.Table, numbers: _Places, as_of: int) -> tuple[list[pa.Table], int]:
    a, b = numbers(raw["a"].to_numpy()), numbers(raw["b"].to_numpy())
    kind = codes(raw["kind"], KINDS)
    since, until = micros(raw["since"], ALWAYS), micros(raw["until"], STILL)
    good = (a != b) & (a >= 0) & (b >= 0) & (kind >= 0)
    keep = good & (since < as_of)
    until = np.where(until >= as_of, STILL, until)
    columns: dict[str, NDArray[Any]] = {
        "a": a,
        "b": b,
        "kind": kind,
        "since": since,
        "until": until,
    }
    return [_rows(keep, columns)], int((~good).sum())


def _events(
    raw: pa.Table, numbers: _Places, as_of: int, *, later_is_wrong: bool
) -> tuple[list[pa.Table], int]:
    """Events that name an account, and those that name an event."""
    code = codes(raw["type"], TYPES)
    actor = numbers(raw["actor"].to_numpy())
    other = numbers(raw["object"].fill_null(-1).to_numpy())
    ref = np.asarray(raw["ref"].fill_null(-1).to_numpy(), np.int64)
    t = micros(raw["published"], STILL)
    refers = (code >= TYPE["Accept"]) & (code <= TYPE["Undo"])
    good = (code >= 0) & (actor >= 0) & np.where(refers, ref >= 0, (other >= 0) & (other != actor))
    keep = good & (t < as_of)
    ids = np.asarray(raw["id"].to_numpy(), np.int64)
    columns: dict[str, NDArray[Any]] = {"id": ids, "type": code, "actor": actor}
    tables = [
        _rows(keep & ~refers, {**columns, "object": other, "t": t}),
        _rows(keep & refers, {**columns, "ref": ref, "t": t}),
    ]
    return tables, int((~keep if later_is_wrong else ~good).sum())


def _rows(chosen: NDArray[np.bool_], columns: Mapping[str, NDArray[Any]]) -> pa.Table:
    places = np.flatnonzero(chosen)
    return pa.table({name: values[places] for name, values in columns.items()})


def _with_named(replies: pa.Table, events: pa.Table) -> pa.Table:
    """Replies beside the event that they name, which saves both engines a join of millions."""
    place = _Places(events["id"].to_numpy())(replies["ref"].to_numpy())
    there = place >= 0
    times = np.bincount(place[there], minlength=1)
    replies = replies.append_column("alone", pa.array(times[place] == 1))
    del times
    for name, column in {"asker": "actor", "asked": "object", "asked_at": "t"}.items():
        replies = replies.append_column(name, pa.array(_taken(events[column], place)))
    what = np.where(there, _taken(events["type"], place), np.int8(-1))
    return replies.append_column("what", pa.array(what))


def _taken(column: pa.ChunkedArray, places: NDArray[np.int32]) -> NDArray[Any]:
    """The values at these places, and any value at the place −1."""
    values = column.to_numpy()
    return values[places] if len(values) else np.zeros(len(places), values.dtype)


def _labels(raw: pa.Table, numbers: _Places, until: int) -> pa.Table:
    account = numbers(raw["account"].to_numpy())
    decided = micros(raw["decided_at"], STILL)
    keep = (account >= 0) & (decided < until)
    confirmed = pc.equal(raw["outcome"], "confirmed").to_numpy()
    return pa.table(
        {"account": account[keep], "decided": decided[keep], "confirmed": confirmed[keep]}
    )
