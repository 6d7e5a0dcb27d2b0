"""Identifiers of accounts as primary keys; accounts still unknown become provisional ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from accounts.imports.database import Database

_QUERY: Final = (
    "SELECT n.place, a.id, a.provisional AS passing "
    "FROM import_names n JOIN accounts_account a ON a.account_id = n.name"
)


@dataclass(slots=True)
class Names:
    """``texts``: distinct identifiers; ``ids``: their primary keys, 0 where there is none yet."""

    texts: pa.Array
    ids: NDArray[np.int64]

    @property
    def keys(self) -> NDArray[np.int64]:
        """``ids``, with a negative number of its own for each account that has none."""
        return np.where(self.ids > 0, self.ids, -1 - np.arange(len(self.ids)))

    def create(self, db: Database, needed: NDArray[Any], batch_id: int) -> None:
        """Make provisional accounts for those at ``needed`` (positions) that are not there yet."""
        missing = np.zeros(len(self.ids), bool)
        missing[needed] = True
        missing &= self.ids == 0
        places = np.flatnonzero(missing)
        if not len(places):
            return
        # Another import may have made them meanwhile.
        db.lock("accounts")
        found = db.look_up(self.texts.take(pa.array(places)), _QUERY)
        self.ids[places[found["place"].to_numpy()]] = found["id"].to_numpy()
        places = places[self.ids[places] == 0]
        if not len(places):
            return
        self.ids[places] = db.new_ids("accounts_account", len(places))
        db.copy(
            "accounts_account",
            {
                "id": self.ids[places],
                "account_id": self.texts.take(pa.array(places)),
                "provisional": np.ones(len(places), bool),
                "batch_id": np.full(len(places), batch_id),
            },
        )


def asked(*columns: pa.Array) -> dict[str, pa.Array]:
    """What ``find`` will look up for ``columns``, by query."""
    return {_QUERY: pa.concat_arrays(columns).unique()}


def find(db: Database, *columns: pa.Array) -> tuple[Names, list[NDArray[np.int64]]]:
    """The accounts that ``columns`` name, and each column as positions among them."""
    encoded = pa.concat_arrays(columns).dictionary_encode()
    texts = encoded.dictionary
    codes = encoded.indices.to_numpy().astype(np.int64)
    found = db.look_up(texts, _QUERY)
    ids = np.zeros(len(texts), np.int64)
    ids[found["place"].to_numpy()] = found["id"].to_numpy()
    return Names(texts, ids), np.split(codes, np.cumsum([len(c) for c in columns])[:-1])
