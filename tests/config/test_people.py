"""The named people whom the tests use."""

from __future__ import annotations

import pytest

from staff.models import User


@pytest.mark.parametrize(
    "name", ["moderator", "moderator2", "supervisor", "supervisor2", "admin", "admin2", "auditor"]
)
def test_a_person_is_at_work_in_the_role_of_the_name(
    name: str, request: pytest.FixtureRequest
) -> None:
    person: User = request.getfixturevalue(name)
    assert person.is_active
    assert person.role == name.rstrip("2")


def test_the_outsider_has_no_access(outsider: User) -> None:
    assert not outsider.is_active
