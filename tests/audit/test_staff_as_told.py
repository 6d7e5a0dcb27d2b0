"""SQL as the application's role gives nobody a role or access that the trail does not tell of."""

from __future__ import annotations

import psycopg2
import pytest

from staff import services
from staff.actors import Actor
from staff.capabilities import Role
from staff.models import User
from tests.support.databases import connect_as

pytestmark = pytest.mark.django_db(transaction=True)

_NEW = (
    "INSERT INTO staff_user (password, email, name, role, is_active, created_at,"
    " keyboard_shortcuts, theme, density)"
    " VALUES ('', 'x@team.example', 'X', 'supervisor', true, now(), true, 'system', 'compact')"
)


def _run(*statements: str) -> None:
    """Execute them in one transaction as the application's role."""
    other = connect_as("app")
    other.autocommit = False
    try:
        with other.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        other.commit()
    finally:
        other.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE staff_user SET role = 'supervisor' WHERE name = 'Mo Reyes'",
        "UPDATE staff_user SET is_active = true WHERE name = 'Olga Frost'",
        "UPDATE staff_user SET is_active = false WHERE name = 'Mo Reyes'",
        "UPDATE staff_user SET id = id + 1000 WHERE name = 'Mo Reyes'",
        _NEW,
    ],
)
def test_no_role_and_no_access_beside_the_trail(
    moderator: User, outsider: User, statement: str
) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation, match="the audit trail tells of another"):
        _run(statement)


def test_an_earlier_role_does_not_come_back_by_its_old_entry(admin: User, supervisor: User) -> None:
    actor = Actor.of_user(admin)
    services.change_role(actor=actor, user_id=supervisor.pk, role=Role.MODERATOR)
    with pytest.raises(psycopg2.errors.CheckViolation, match="the audit trail tells of another"):
        _run(f"UPDATE staff_user SET role = 'supervisor' WHERE id = {supervisor.pk}")


@pytest.mark.parametrize("statement", ["DELETE FROM staff_user", "TRUNCATE staff_user CASCADE"])
def test_nobody_is_removed(moderator: User, statement: str) -> None:
    with pytest.raises(psycopg2.Error, match=r"deactivated, and what they did|permission denied"):
        _run(statement)


def test_what_the_trail_tells_goes_through(admin: User, moderator: User) -> None:
    actor = Actor.of_user(admin)
    services.change_role(actor=actor, user_id=moderator.pk, role=Role.SUPERVISOR)
    services.deactivate(actor=actor, user_id=moderator.pk)
    services.reactivate(actor=actor, user_id=moderator.pk)
    moderator.refresh_from_db()
    assert (moderator.role, moderator.is_active) == ("supervisor", True)
    # Nothing is said of these: a person's choices, and the time of the last sign-in.
    _run("UPDATE staff_user SET theme = 'dark', last_login = now()")
