"""PostgreSQL in bulk, as Arrow: the same database as Django's, over a connection of its own.

The driver is imported on use: it brings half a second of libraries that most processes never need.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2.extensions
from django.db import connection

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection

ROWS_BYTES = 16 * 1024 * 1024
"""Size of the batches that rows arrive in, about."""

# What Django itself takes out of OPTIONS before it connects.
_DJANGO_OPTIONS = frozenset({"assume_role", "isolation_level", "pool", "server_side_binding"})


@contextmanager
def connect() -> Iterator[Connection]:
    """A connection in a transaction that has begun; it is rolled back unless the block commits.

    What Django has not committed is not seen here.
    """
    import adbc_driver_postgresql.dbapi

    connection.ensure_connection()  # starts the embedded server, where that is the one used
    parameters = connection.get_connection_params()
    own = {
        name: str(value)
        for name, value in parameters.items()
        if name not in _DJANGO_OPTIONS and isinstance(value, str | int)
    }
    dsn = psycopg2.extensions.make_dsn(**own)
    with adbc_driver_postgresql.dbapi.connect(dsn) as adbc:
        yield adbc
