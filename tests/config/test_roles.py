"""The application connects as a role that can do no more than it must."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError


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
