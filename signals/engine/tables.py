"""The raw input of the engine: exactly what the database holds, as Arrow tables.

Ids are database ids. They depend on the order of import, so no result depends on them: they only
name things, and ``name_key`` tells accounts apart that are alike in everything else. All times are
microseconds in UTC. Times that are equal are simultaneous. Texts may be dictionaries of texts: they
are read a code at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

TIME = pa.timestamp("us", tz="UTC")
TYPES = (
    "Offer",
    "Follow",
    "Create",
    "Accept",
    "Reject",
    "Ignore",
    "Undo",
    "Block",
    "Flag",
    "Remove",
)
TYPE = {name: code for code, name in enumerate(TYPES)}
KINDS = ("friend", "follow", "family")
KIND = {name: code for code, name in enumerate(KINDS)}

ACCOUNTS = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("birth_date", pa.date32()),
        pa.field("birth_year", pa.int16()),
        pa.field("age_band", pa.string()),  # under_13 13_15 16_17 18_plus unknown
        pa.field("age_source", pa.string()),  # self_declared estimated verified
        pa.field("region", pa.string()),
        pa.field("community", pa.string()),
        pa.field("role", pa.string()),
        pa.field("created_at", TIME),
        pa.field("status", pa.string()),
        # from the platform's identifier: the same however the account came to its id
        pa.field("name_key", pa.int64()),
    ]
)
TIES = pa.schema(
    [
        pa.field("a", pa.int64(), nullable=False),
        pa.field("b", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # friend follow family; follow: a follows b
        pa.field("since", TIME),  # null: always
        pa.field("until", TIME),  # null: still there
    ]
)
EVENTS = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        # Offer Follow Accept Reject Ignore Undo Create Block Flag Remove
        pa.field("type", pa.string(), nullable=False),
        pa.field("actor", pa.int64(), nullable=False),
        pa.field("object", pa.int64()),  # the account, for Offer Follow Create Block Flag Remove
        pa.field("ref", pa.int64()),  # the event named by Accept Reject Ignore Undo
        pa.field("published", TIME, nullable=False),
    ]
)
LABELS = pa.schema(
    [
        pa.field("account", pa.int64(), nullable=False),
        pa.field("decided_at", TIME, nullable=False),
        pa.field("outcome", pa.string(), nullable=False),  # dismissed confirmed
        pa.field("reason", pa.string()),
    ]
)
EXEMPTIONS = pa.schema(
    [
        pa.field("account", pa.int64(), nullable=False),
        pa.field("until", TIME),  # null: without end
    ]
)
SCHEMAS = {
    "accounts": ACCOUNTS,
    "ties": TIES,
    "events": EVENTS,
    "labels": LABELS,
    "exemptions": EXEMPTIONS,
}


def conform(name: str, table: pa.Table) -> pa.Table:
    """Cast ``table`` to the schema called ``name``; absent nullable columns become null.

    Raises ValueError naming the table and column when a required column is absent, holds a null,
    or cannot be cast.
    """
    columns = []
    for column in SCHEMAS[name]:
        index = table.schema.get_field_index(column.name)
        if index < 0:
            if not column.nullable:
                raise ValueError(f"{name}: the column {column.name!r} is missing")
            columns.append(pa.nulls(table.num_rows, column.type))
            continue
        values = table.column(index)
        if not column.nullable and values.null_count:
            raise ValueError(f"{name}: the column {column.name!r} holds a null")
        if values.type != column.type and not _holds_texts(values.type, column.type):
            try:
                values = values.cast(column.type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise ValueError(f"{name}: the column {column.name!r}: {error}") from error
        columns.append(values)
    kinds = (values.type for values in columns)
    schema = [column.with_type(kind) for column, kind in zip(SCHEMAS[name], kinds, strict=True)]
    return pa.table(columns, schema=pa.schema(schema))


def _holds_texts(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a column is the wanted texts by codes."""
    return bool(pa.types.is_dictionary(found) and found.value_type == wanted)


def empty(name: str) -> pa.Table:
    """An empty table of the schema called ``name``."""
    return SCHEMAS[name].empty_table()


@dataclass(frozen=True)
class RawGraph:
    """Accounts, ties, events, and what people decided. Construction casts to the schemas above.

    ``labels`` are earlier decisions (for credibility, priors and evaluation), ``exemptions``
    accounts that must not be flagged until a time.
    """

    accounts: pa.Table
    ties: pa.Table = field(default_factory=lambda: empty("ties"))
    events: pa.Table = field(default_factory=lambda: empty("events"))
    labels: pa.Table = field(default_factory=lambda: empty("labels"))
    exemptions: pa.Table = field(default_factory=lambda: empty("exemptions"))

    def __post_init__(self) -> None:
        for item in fields(self):
            object.__setattr__(self, item.name, conform(item.name, getattr(self, item.name)))

    def give_up(self, name: str) -> pa.Table:
        """The table of that name, which this graph is without from here on."""
        table: pa.Table = getattr(self, name)
        object.__setattr__(self, name, empty(name))
        return table

    @classmethod
    def from_parquet(cls, folder: Path | str) -> RawGraph:
        """Read ``accounts.parquet`` and whichever of the other tables stand in ``folder``."""
        tables = {
            name: pq.read_table(path)
            for name in SCHEMAS
            if (path := Path(folder) / f"{name}.parquet").exists()
        }
        if "accounts" not in tables:
            raise ValueError(f"{folder}: no accounts.parquet")
        return cls(**tables)

    def to_parquet(self, folder: Path | str) -> None:
        """Write each table as ``NAME.parquet`` into ``folder``, which must exist."""
        for name in SCHEMAS:
            pq.write_table(getattr(self, name), Path(folder) / f"{name}.parquet")
