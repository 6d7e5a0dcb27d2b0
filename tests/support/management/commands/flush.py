"""Replaces Django's `flush` in tests, which transactional tests call when they end."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tests.support.databases import PRISTINE, UNTOUCHED, connect_as, tables

LARGE = 8 * 1024 * 1024
"""Bytes of a table that is better truncated than emptied row by row."""


class Command(BaseCommand):
    """Empties the tables as their owner and puts back the rows that the migrations made.

    The application's role may not truncate, and the audit tables refuse it from anybody while
    their triggers are on. Where a few rows are to go, deleting them without triggers takes a tenth
    of the time of truncating all tables that refer to each other.
    """

    # What Django's tests pass besides.
    stealth_options = ("interactive", "reset_sequences", "allow_cascade", "inhibit_post_migrate")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database")

    def handle(self, **_options: Any) -> None:
        with closing(connect_as("superuser")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            if cursor.fetchone() == (True,) and _delete(cursor):
                return
        self._truncate()

    def _truncate(self) -> None:
        with closing(connect_as("owner")) as connection, connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '20s'")
            filled = _filled(cursor)
            if not filled:
                return
            guarded = _guarded(cursor, filled)
            names = ", ".join(f'"{table}"' for table in filled)
            cursor.execute("BEGIN")
            for table in guarded:
                cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
            cursor.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
            for table in _kept(cursor):
                kept = f'TABLE {PRISTINE}."{table}"'
                cursor.execute(f'INSERT INTO "{table}" OVERRIDING SYSTEM VALUE {kept}')
                _advance_sequences(cursor, table)
            # Deferred foreign keys are checked now: a table with pending checks takes no ALTER.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in guarded:
                cursor.execute(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')
            cursor.execute("COMMIT")


def _delete(cursor: Any) -> bool:
    """Delete all rows and begin all numbers anew; False, and nothing done, where rows are many."""
    filled = _filled(cursor)
    if not filled:
        return True
    cursor.execute(
        "SELECT max(pg_relation_size(format('public.%%I', name)::regclass)) FROM unnest(%s) name",
        [filled],
    )
    if cursor.fetchone()[0] > LARGE:
        return False
    cursor.execute("SET lock_timeout = '20s'")
    cursor.execute("SET session_replication_role = replica")
    cursor.execute("BEGIN")
    cursor.execute("; ".join(f'DELETE FROM "{table}"' for table in filled))
    cursor.execute(
        "SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass, start_value, false) "
        "FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL "
        "AND sequencename <> ALL (%s)",
        [[f"{table}_id_seq" for table in UNTOUCHED]],
    )
    for table in _kept(cursor):
        kept = f'TABLE {PRISTINE}."{table}"'
        cursor.execute(f'INSERT INTO "{table}" OVERRIDING SYSTEM VALUE {kept}')
        _advance_sequences(cursor, table)
    cursor.execute("COMMIT")
    return True


def _filled(cursor: Any) -> list[str]:
    query = " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")" for table in tables(cursor)
    )
    cursor.execute(query)
    return [name for (name,) in cursor.fetchall()]


def _guarded(cursor: Any, names: list[str]) -> list[str]:
    """The tables with triggers of our own: they may refuse TRUNCATE, or restored rows."""
    cursor.execute(
        "SELECT DISTINCT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'public' AND NOT t.tgisinternal",
    )
    return [name for (name,) in cursor.fetchall()]


def _kept(cursor: Any) -> list[str]:
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [PRISTINE])
    return [name for (name,) in cursor.fetchall()]


def _advance_sequences(cursor: Any, table: str) -> None:
    cursor.execute(
        "SELECT column_name, pg_get_serial_sequence(%s, column_name) "
        "FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s",
        [f'"{table}"', table],
    )
    for column, sequence in cursor.fetchall():
        if sequence is not None:
            cursor.execute(f'SELECT setval(%s, max("{column}")) FROM "{table}"', [sequence])
