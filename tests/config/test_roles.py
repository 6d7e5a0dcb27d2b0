"""The application connects as a role that can do no more than it must."""

from __future__ import annotations

import psycopg2
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from staff.models import User


@pytest.mark.django_db
def test_the_application_connects_as_its_own_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, usesuper FROM pg_user WHERE usename = current_user")
        assert cursor.fetchone() == ("sightline_app", False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE accounts_account ADD COLUMN extra integer",
        "DROP TABLE accounts_account",
        "TRUNCATE accounts_account",
        "CREATE TABLE extra (id integer)",
        "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
        "UPDATE audit_entry SET actor = 'somebody else'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "DELETE FROM django_migrations",
        "SET ROLE sightline_owner",
        "SET session_replication_role = replica",
    ],
)
def test_the_application_is_refused(statement: str) -> None:
    refusal = r"permission denied|must be owner"
    with (
        pytest.raises(ProgrammingError, match=refusal),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.django_db
def test_every_table_gives_the_application_just_what_it_needs() -> None:
    kinds = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename, kind FROM pg_tables, unnest(%s) AS kind "
            "WHERE schemaname = 'public' AND has_table_privilege(quote_ident(tablename), kind)",
            [list(kinds)],
        )
        rights: dict[str, set[str]] = {}
        for table, kind in cursor.fetchall():
            rights.setdefault(table, set()).add(kind)
    audit = {table for table in rights if table.startswith("audit_")}
    assert "audit_entry" in audit
    assert rights.pop("django_migrations") == {"SELECT"}
    for table, granted in rights.items():
        changes = set() if table in audit else {"UPDATE", "DELETE"}
        assert granted == {"SELECT", "INSERT"} | changes, table


@pytest.mark.django_db
def test_the_application_may_use_temporary_tables_and_sequences() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE staged (id integer) ON COMMIT DROP")
        cursor.execute(
            "SELECT bool_and(has_sequence_privilege(quote_ident(sequencename), 'USAGE')) "
            "FROM pg_sequences WHERE schemaname = 'public'"
        )
        assert cursor.fetchone() == (True,)


def test_a_table_made_between_two_migrations_can_only_be_read_and_added_to(
    owner_connection: psycopg2.extensions.connection,
) -> None:
    with owner_connection.cursor() as owner, connection.cursor() as application:
        owner.execute("CREATE TABLE audit_made_just_now (id integer)")
        try:
            application.execute("INSERT INTO audit_made_just_now VALUES (1)")
            with pytest.raises(ProgrammingError, match="permission denied"):
                application.execute("DELETE FROM audit_made_just_now")
        finally:
            owner.execute("DROP TABLE audit_made_just_now")


def test_a_transactional_test_ends_with_nothing_but_what_migrations_made(
    transactional_db: None, moderator: User
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_entry")
        assert cursor.fetchone()[0] > 0
    call_command("flush", database="default")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM audit_entry), (SELECT count(*) FROM staff_user)"
        )
        assert cursor.fetchone() == (0, 0)
        cursor.execute("SELECT count(*) FROM django_content_type")
        assert cursor.fetchone()[0] > 0
