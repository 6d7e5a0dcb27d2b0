"""Arrow to and from PostgreSQL: the same database as Django's, over connections of their own.

The driver is imported on use: it brings half a second of libraries that most processes never need.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import psycopg2.extensions
from django.db import connection

if TYPE_CHECKING:
    from adbc_driver_manager import AdbcDatabase
    from adbc_driver_manager.dbapi import Connection

# What Django itself takes out of OPTIONS before it connects.
_DJANGO_OPTIONS: Final = frozenset(
    {"assume_role", "isolation_level", "pool", "server_side_binding"}
)


def address() -> str:
    """Where Django's own connection leads."""
    connection.ensure_connection()  # starts the embedded server, where that is the one used
    own = {
        name: str(value)
        for name, value in connection.get_connection_params().items()
        if name not in _DJANGO_OPTIONS and isinstance(value, str | int)
    }
    return psycopg2.extensions.make_dsn(**own)


def open_connection(to: str, *, autocommit: bool = False) -> Connection:
    """A new connection to the database at that address. Close it when done.

    What Django has not committed is not seen there. Raises adbc_driver_manager.Error.
    """
    import adbc_driver_manager
    from adbc_driver_manager.dbapi import Connection

    shared: Any = _Shared()
    return Connection(
        shared, adbc_driver_manager.AdbcConnection(_database(to)), autocommit=autocommit
    )


@cache
def _database(to: str) -> AdbcDatabase:
    """The driver's knowledge of a database: the numbers of its types, and no connection.

    Asking for them takes a tenth of a second, longer than all else that an import of one row does,
    and those that we use are the same in every PostgreSQL.
    """
    import adbc_driver_postgresql

    database: AdbcDatabase = adbc_driver_postgresql.connect(to)
    return database


class _Shared:
    """Stands for the database where a connection would close it with itself."""

    def close(self) -> None:
        """It stays for the next connection."""
