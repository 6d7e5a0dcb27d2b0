"""Every rule of the import files, over whole columns at once. Knows neither Django nor a database.

``validate(batch)`` turns raw text into typed columns and refuses the rows that break a rule.
"""

from __future__ import annotations

from datetime import UTC, datetime

from accounts.formats.rows import RawBatch
from accounts.validation import account, event, tie
from accounts.validation.checker import Checker, Rows

__all__ = ["Rows", "validate"]

_RULES = {"accounts": account.check, "ties": tie.check, "events": event.check}


def validate(batch: RawBatch, now: datetime | None = None) -> Rows:
    """The good rows of ``batch`` with typed columns, and the refused ones.

    ``now`` (an aware time, by default the present) is what birth dates are compared with and what
    counts as the future.
    """
    checker = Checker(batch, now or datetime.now(UTC))
    return checker.result(_RULES[batch.table](checker))
