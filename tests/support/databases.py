"""Test databases: made and migrated as the owner, used as the application's role.

A migrated template is kept for each state of the migrations; every test process copies it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg2 import sql
from psycopg2.extensions import make_dsn

from config.filelocks import exclusive
from config.migration_stamp import MigrationStamp

PRISTINE = "pristine"
"""A schema with a copy of the rows that the migrations themselves made."""

UNTOUCHED = ("django_content_type", "auth_permission", "django_migrations")
"""Written by migrations only, so `flush` leaves them alone."""


def connect_as(role: str, database: str | None = None) -> psycopg2.extensions.connection:
    """A plain connection in autocommit mode. `role`: `app`, `owner` or `superuser`.

    `database` defaults to this process's test database. With `DATABASE_URL` there may be no
    superuser to connect as: the owner stands in.
    """
    own = connection.settings_dict
    if settings.EMBEDDED:
        user = {"app": settings.DATABASE_APP_ROLE, "owner": settings.DATABASE_OWNER_ROLE}
        result = psycopg2.connect(
            host=own["HOST"],
            port=own["PORT"],
            user=user.get(role, "postgres"),
            dbname=database or own["NAME"],
        )
    else:
        from config.env import Env

        address = Env().database("DATABASE_OWNER_URL") if role != "app" else None
        address = address or Env().database("DATABASE_URL")
        assert address is not None
        parameters = {
            "host": address.host,
            "port": address.port,
            "user": address.user,
            "password": address.password,
            **address.options,
        }
        given = {key: value for key, value in parameters.items() if value}
        result = psycopg2.connect(make_dsn(dbname=database or own["NAME"], **given))
    result.autocommit = True
    return result


@contextmanager
def test_database() -> Iterator[None]:
    """Point Django's connection to a fresh migrated database for the time of the block."""
    server = getattr(settings, "TEST_SERVER", None)
    if server is not None:
        server.ensure_running()
    own = connection.settings_dict
    original = own["NAME"]
    maintenance = "postgres" if settings.EMBEDDED else original
    name = f"test_sightline_{os.getpid()}"
    with _only_one_process(), closing(connect_as("superuser", maintenance)) as admin:
        _drop_leftovers(admin)
        template = _ensure_template(admin)
        _execute(
            admin,
            "CREATE DATABASE {} OWNER {} TEMPLATE {}",
            name,
            settings.DATABASE_OWNER_ROLE,
            template,
        )
    connection.close()
    own["NAME"] = settings.DATABASES["default"]["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        own["NAME"] = settings.DATABASES["default"]["NAME"] = original
        with closing(connect_as("superuser", maintenance)) as admin:
            _execute(admin, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _ensure_template(admin: psycopg2.extensions.connection) -> str:
    """The name of the template for the migrations as they are now; makes it when missing."""
    fingerprint = MigrationStamp(settings.BASE_DIR, settings.SIGHTLINE_HOME).fingerprint()
    template = f"template_sightline_{fingerprint[:12]}"
    existing = _names(admin, "template_sightline_%")
    if template in existing:
        return template
    for name in (*existing, *_names(admin, "building_sightline%")):
        _execute(admin, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    _execute(
        admin, "CREATE DATABASE {} OWNER {}", "building_sightline", settings.DATABASE_OWNER_ROLE
    )
    own = connection.settings_dict
    before = {key: own[key] for key in ("NAME", "USER", "PASSWORD")}
    connection.close()
    own["NAME"] = "building_sightline"
    own["USER"] = settings.DATABASE_OWNER_ROLE
    try:
        call_command("migrate", verbosity=0, interactive=False)
        _keep_pristine_rows()
    finally:
        connection.close()
        own.update(before)
    _execute(admin, "ALTER DATABASE {} RENAME TO {}", "building_sightline", template)
    return template


def _keep_pristine_rows() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {PRISTINE}")
        for table in tables(cursor):
            cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}")')
            if cursor.fetchone()[0]:
                cursor.execute(f'CREATE TABLE {PRISTINE}."{table}" AS TABLE public."{table}"')


def tables(cursor: Any) -> list[str]:
    """The tables in which tests leave rows."""
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
    return [name for (name,) in cursor.fetchall() if name not in UNTOUCHED]


def _drop_leftovers(admin: psycopg2.extensions.connection) -> None:
    """Databases of test processes that were killed."""
    for name in _names(admin, "test_sightline_%"):
        pid = name.rsplit("_", 1)[1]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            _execute(admin, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _names(admin: psycopg2.extensions.connection, pattern: str) -> list[str]:
    with admin.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [pattern])
        return [name for (name,) in cursor.fetchall()]


def _execute(admin: psycopg2.extensions.connection, statement: str, *names: str) -> None:
    with admin.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def _only_one_process() -> Iterator[None]:
    path = Path(tempfile.gettempdir()) / f"sightline-tests-{os.getuid()}.lock"
    server = getattr(settings, "TEST_SERVER", None)
    if server is not None:
        path = server.folder / "tests.lock"
    with exclusive(path):
        yield
