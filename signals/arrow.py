"""PostgreSQL in bulk, as Arrow: the same database as Django's, over a connection of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from accounts.arrow import address, open_connection

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection


@contextmanager
def connect() -> Iterator[Connection]:
    """A connection in a transaction that has begun; it is rolled back unless the block commits.

    What Django has not committed is not seen here.
    """
    with open_connection(address()) as connection:
        yield connection
