"""Which fields hold personal data, and what stays in their place. Pure: no Django.

Each app declares every table of its own (``<app>/personal_data.py``, called in its ``ready``);
erasure and retention read their work from here, and a test fails for a field of text, dates or
JSON that nobody declared.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

REMOVED: Final = "(removed)"
"""What a text that somebody wrote becomes, so that a reader sees that one was there."""


class Goes(Enum):
    """What happens to a field whose value depends on the row."""

    PSEUDONYM = "replaced by a salted digest"
    ROW = "its row goes"


@dataclass(frozen=True, slots=True)
class Table:
    """What a table holds of people. ``model`` as Django labels it, "accounts.Account".

    ``personal``: a field's name to what stays in its place; ``other``: fields that could hold
    personal data by their type and do not, by intention.
    """

    model: str
    personal: Mapping[str, Any] = field(default_factory=dict)
    other: Collection[str] = ()

    def blanks(self) -> dict[str, Any]:
        """The fields that become a constant, with that constant."""
        return {name: stays for name, stays in self.personal.items() if not isinstance(stays, Goes)}


_tables: dict[str, Table] = {}


def declare(*tables: Table) -> None:
    """Make ``tables`` known. Raises ValueError for a field that is declared both ways, or a table
    that is declared twice differently."""
    for table in tables:
        if both := table.personal.keys() & set(table.other):
            raise ValueError(f"{table.model}: {sorted(both)} cannot be both.")
        if _tables.setdefault(table.model, table) != table:
            raise ValueError(f"{table.model} is declared twice.")


def table(model: str) -> Table:
    """The declaration of ``model``. Raises KeyError when there is none."""
    return _tables[model]


def tables() -> list[Table]:
    """Every declaration, by model."""
    return [_tables[model] for model in sorted(_tables)]
