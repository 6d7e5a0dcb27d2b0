"""What the application's role may do, granted by the owner after every migration.

The application reads and writes rows and no more: it cannot alter tables, and in tables of the
audit trail (named `audit_…`) it can only read and add.
"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import ProgrammingError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

AUDIT_PREFIX = "audit_"


def after_migrate(sender: AppConfig, using: str, **_kwargs: Any) -> None:
    """Grant the rights, when migrations ran as an owner apart from the application's role."""
    if settings.DATABASE_APP_ROLE != settings.DATABASE_OWNER_ROLE:
        grant_rights(using)


def grant_rights(using: str = "default") -> None:
    """Bring the application role's rights on the schema `public` up to date, in one transaction.

    Must run as the owner of the tables. An application role that is missing is made where the
    owner may do so; raises ImproperlyConfigured where not.
    """
    connection = connections[using]
    app = sql.Identifier(settings.DATABASE_APP_ROLE)
    with transaction.atomic(using=using), connection.cursor() as cursor:

        def run(statement: str, **names: sql.Composable) -> None:
            composed = sql.SQL(statement).format(app=app, **names)
            cursor.execute(composed.as_string(connection.connection))

        if not _role_exists(cursor, settings.DATABASE_APP_ROLE):
            _make_app_role(connection, cursor)
        run("GRANT USAGE ON SCHEMA public TO {app}")
        run("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app}")
        run("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {app}")
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
            "AND (tablename LIKE %s OR tablename = 'django_migrations')",
            [AUDIT_PREFIX.replace("_", r"\_") + "%"],
        )
        for (table,) in cursor.fetchall():
            name = sql.Identifier(table)
            run("REVOKE ALL ON {table} FROM {app}", table=name)
            run("GRANT SELECT ON {table} TO {app}", table=name)
            if table.startswith(AUDIT_PREFIX):
                run("GRANT INSERT ON {table} TO {app}", table=name)
        # A table made between two migrations starts with the lesser rights.
        run("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO {app}")
        run("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {app}")


def _role_exists(cursor: CursorWrapper, name: str) -> bool:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
    return cursor.fetchone() is not None


def _make_app_role(connection: BaseDatabaseWrapper, cursor: CursorWrapper) -> None:
    name, password = settings.DATABASE_APP_ROLE, settings.DATABASE_APP_PASSWORD
    statement = sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name))
    if password:
        # Hashed here, so that the password itself reaches no log of the server.
        hashed = encrypt_password(password, name, connection.connection, "scram-sha-256")
        statement += sql.SQL(" PASSWORD {}").format(sql.Literal(hashed))
    try:
        cursor.execute(statement.as_string(connection.connection))
    except ProgrammingError:
        raise ImproperlyConfigured(
            f"The role {name} of DATABASE_URL does not exist, and that of DATABASE_OWNER_URL may "
            f"not make it: run CREATE ROLE {name} LOGIN as an administrator of the server."
        ) from None
