"""What is known to be true about accounts, for evaluation: planted or not, and of which kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

ORDINARY = "ordinary"
"""The kind of an account that the truth says nothing special about."""


class TruthError(ValueError):
    """A truth file that cannot be used; the text is one sentence with file and field."""


@dataclass(frozen=True)
class Truth:
    """What is known: one entry an account. ``label`` is true for planted accounts."""

    account_id: pa.Array
    label: NDArray[np.bool_]
    strategy: NDArray[np.str_]

    @property
    def size(self) -> int:
        """Number of accounts."""
        return int(self.label.size)

    def place(self, account_ids: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
        """Where each given account stands in the truth, -1 where it does not."""
        found = pc.fill_null(pc.index_in(account_ids, value_set=self.account_id), -1)
        if isinstance(found, pa.ChunkedArray):
            found = found.combine_chunks()
        places: NDArray[np.int64] = found.to_numpy(zero_copy_only=False).astype(np.int64)
        return places


def truth_from_table(table: pa.Table, source: str = "truth") -> Truth:
    """Check and convert a table of ``account_id``, ``label`` (0 or 1) and ``strategy``.

    Raises TruthError for a missing column, an empty or repeated account, or another label.
    """
    for name in ("account_id", "label"):
        if name not in table.column_names:
            raise TruthError(f"{source}: the column {name} is missing.")
    ids = table.column("account_id").cast(pa.string()).combine_chunks()
    empty = pc.or_(pc.is_null(ids), pc.equal(pc.fill_null(ids, ""), ""))
    if pc.any(empty).as_py():
        line = pc.index(empty, True).as_py() + 2
        raise TruthError(f"{source}, line {line}: account_id is empty.")
    if pc.count_distinct(ids).as_py() != len(ids):
        counts = pc.value_counts(ids)
        twice = counts.filter(pc.greater(counts.field("counts"), 1))[0]["values"]
        raise TruthError(f"{source}: the account {twice} stands there more than once.")
    labels = table.column("label").cast(pa.string()).combine_chunks()
    valid = pc.fill_null(pc.is_in(labels, value_set=pa.array(["0", "1"])), False)
    if not pc.all(valid).as_py() and len(labels):
        line = pc.index(valid, False).as_py() + 2
        raise TruthError(f"{source}, line {line}: label must be 0 or 1.")
    strategy = np.full(len(ids), "", dtype=object)
    if "strategy" in table.column_names:
        given = pc.fill_null(table.column("strategy").cast(pa.string()), "")
        strategy = given.to_numpy().astype(object)
    return Truth(
        account_id=ids,
        label=np.asarray(pc.equal(labels, "1").to_numpy(zero_copy_only=False), dtype=np.bool_),
        strategy=np.where(strategy == "", ORDINARY, strategy).astype(str),
    )


def read_truth(path: Path) -> Truth:
    """Read a truth file (CSV with a header). Raises TruthError with one sentence."""
    text = pacsv.ConvertOptions(
        column_types=dict.fromkeys(("account_id", "label", "strategy"), pa.string()),
        strings_can_be_null=False,
    )
    try:
        table = pacsv.read_csv(path, convert_options=text)
    except FileNotFoundError:
        raise TruthError(f"{path}: there is no such file.") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise TruthError(
            f"{path}: not a readable CSV file ({str(error).splitlines()[0]})."
        ) from error
    return truth_from_table(table, path.name)
