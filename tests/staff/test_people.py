"""Adding people and changing what they may do: who may, what is refused, what is recorded."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.db import IntegrityError, connection

from audit.models import Entry
from staff import services
from staff.actors import Actor
from staff.capabilities import Capability, Role
from staff.errors import InvalidInput, NotAllowed, Refused
from staff.models import Density, Theme, User

GOOD = "correct horse battery staple"


def last_entry() -> Entry:
    entry = Entry.objects.order_by("-number").first()
    assert entry is not None
    return entry


def add(actor: Actor, **changes: Any) -> User:
    return services.create_staff(
        **{
            "actor": actor,
            "email": "New.Person@Team.example",
            "name": "New  Person",
            "role": Role.MODERATOR,
            "password": GOOD,
            **changes,
        }
    )


@pytest.mark.django_db
def test_an_admin_adds_a_person(admin: User) -> None:
    user = add(Actor.of_user(admin))
    assert (user.email, user.name, user.role) == (
        "new.person@team.example",
        "New Person",
        "moderator",
    )
    assert user.check_password(GOOD)
    entry = last_entry()
    assert (entry.verb, entry.target, entry.actor) == (
        "staff.create",
        f"staff:{user.pk}",
        f"staff:{admin.pk} Ada Marsh",
    )
    assert GOOD not in str(entry.after)


@pytest.mark.django_db
def test_without_a_name_the_address_stands_in() -> None:
    assert add(Actor.system("command"), name=" ").name == "new.person"


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.SUPERVISOR, Role.AUDITOR])
@pytest.mark.django_db
def test_nobody_else_manages_staff(
    role: Role, request: pytest.FixtureRequest, admin2: User
) -> None:
    actor = Actor.of_user(request.getfixturevalue(role.value))
    before = Entry.objects.count()
    attempts: list[Callable[[], User]] = [
        lambda: add(actor),
        lambda: services.change_role(actor=actor, user_id=admin2.pk, role=Role.AUDITOR),
        lambda: services.deactivate(actor=actor, user_id=admin2.pk),
        lambda: services.reactivate(actor=actor, user_id=admin2.pk),
        lambda: services.set_password(actor=actor, user_id=admin2.pk, password=GOOD),
        lambda: services.reset_second_factor(actor=actor, user_id=admin2.pk),
    ]
    for attempt in attempts:
        with pytest.raises(NotAllowed):
            attempt()
    assert Entry.objects.count() == before


@pytest.mark.django_db
def test_somebody_who_left_manages_nothing(outsider: User, admin: User, admin2: User) -> None:
    with pytest.raises(NotAllowed):
        add(Actor.of_user(outsider))
    services.deactivate(actor=Actor.of_user(admin2), user_id=admin.pk)
    admin.refresh_from_db()
    with pytest.raises(NotAllowed):
        add(Actor.of_user(admin))


@pytest.mark.django_db
def test_the_worker_manages_no_staff() -> None:
    with pytest.raises(NotAllowed):
        add(Actor.system("worker"))


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"email": "nobody"}, "email", "is not an e-mail address"),
        ({"email": ""}, "email", "is not an e-mail address"),
        ({"email": "x" * 250 + "@team.example"}, "email", "e-mail"),
        ({"name": "a\x07b"}, "name", "printable"),
        ({"name": "x" * 121}, "name", "1 to 120"),
        ({"role": "king"}, "role", "choose one of"),
        ({"password": "short"}, "password", "too short"),
        ({"password": "123456789012"}, "password", "numeric"),
        ({"password": "password1234"}, "password", "common"),
        ({"password": "new.person@team"}, "password", "similar"),
    ],
)
@pytest.mark.django_db
def test_what_breaks_a_rule_is_said_beside_its_field(
    changes: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        add(Actor.system("command"), **changes)
    assert list(refusal.value.errors) == [field]
    assert words in refusal.value.errors[field]
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_taken_address_is_refused_and_nobody_changed(admin: User) -> None:
    before = admin.password
    with pytest.raises(Refused, match="already a member of staff"):
        add(Actor.of_user(admin), email="ADA@team.example", role=Role.AUDITOR)
    admin.refresh_from_db()
    assert (admin.role, admin.password) == ("admin", before)


@pytest.mark.django_db
def test_the_database_itself_knows_roles_and_spelling() -> None:
    with pytest.raises(IntegrityError):
        User.objects.create(email="a@team.example", name="A", role="king")


@pytest.mark.django_db
def test_a_role_changes_at_once(admin: User, moderator: User) -> None:
    services.change_role(actor=Actor.of_user(admin), user_id=moderator.pk, role=Role.SUPERVISOR)
    moderator.refresh_from_db()
    assert moderator.can(Capability.DECIDE_ESCALATIONS)
    entry = last_entry()
    assert (entry.before, entry.after) == ({"role": "moderator"}, {"role": "supervisor"})


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.django_db
def test_nobody_changes_his_own_role(admin: User, admin2: User, role: Role) -> None:
    with pytest.raises(Refused, match="own role"):
        services.change_role(actor=Actor.of_user(admin), user_id=admin.pk, role=role)


@pytest.mark.django_db
def test_nobody_deactivates_himself_or_resets_his_own_factor(admin: User, admin2: User) -> None:
    actor = Actor.of_user(admin)
    with pytest.raises(Refused, match="yourself"):
        services.deactivate(actor=actor, user_id=admin.pk)
    with pytest.raises(Refused, match="preferences"):
        services.reset_second_factor(actor=actor, user_id=admin.pk)
    with pytest.raises(Refused, match="preferences"):
        services.set_password(actor=actor, user_id=admin.pk, password=GOOD + "!")


@pytest.mark.django_db
def test_the_last_active_admin_stays(admin: User) -> None:
    """Also against the command line, which is nobody in particular."""
    command = Actor.system("command")
    with pytest.raises(Refused, match="last active admin"):
        services.change_role(actor=command, user_id=admin.pk, role=Role.AUDITOR)
    with pytest.raises(Refused, match="last active admin"):
        services.deactivate(actor=command, user_id=admin.pk)


@pytest.mark.django_db
def test_a_deactivated_admin_does_not_count(admin: User, admin2: User) -> None:
    services.deactivate(actor=Actor.of_user(admin), user_id=admin2.pk)
    with pytest.raises(Refused, match="last active admin"):
        services.deactivate(actor=Actor.system("command"), user_id=admin.pk)


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_remove_each_other_leave_one(admin: User, admin2: User) -> None:
    def remove(pair: tuple[User, User]) -> bool:
        try:
            services.deactivate(actor=Actor.of_user(pair[0]), user_id=pair[1].pk)
        except Refused:
            return False
        finally:
            connection.close()
        return True

    for _ in range(10):
        for user in User.objects.filter(is_active=False):
            services.reactivate(actor=Actor.system("command"), user_id=user.pk)
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(remove, [(admin, admin2), (admin2, admin)]))
        assert sorted(done) == [False, True]
        assert User.objects.filter(is_active=True).count() == 1


@pytest.mark.django_db
def test_access_comes_back_with_the_old_role(admin: User, supervisor: User) -> None:
    actor = Actor.of_user(admin)
    services.deactivate(actor=actor, user_id=supervisor.pk)
    with pytest.raises(Refused, match="already deactivated"):
        services.deactivate(actor=actor, user_id=supervisor.pk)
    user = services.reactivate(actor=actor, user_id=supervisor.pk)
    assert user.can(Capability.DECIDE_ESCALATIONS)
    with pytest.raises(Refused, match="already active"):
        services.reactivate(actor=actor, user_id=supervisor.pk)


@pytest.mark.django_db
def test_an_unknown_number_is_nobody(admin: User) -> None:
    with pytest.raises(User.DoesNotExist):
        services.deactivate(actor=Actor.of_user(admin), user_id=999_999)


@pytest.mark.django_db
def test_a_password_is_set_and_no_entry_holds_it(admin: User, moderator: User) -> None:
    services.set_password(
        actor=Actor.of_user(admin), user_id=moderator.pk, password="another long phrase"
    )
    moderator.refresh_from_db()
    assert moderator.check_password("another long phrase")
    entry = last_entry()
    assert (entry.verb, entry.before, entry.after) == ("staff.set_password", {}, {})


@pytest.mark.django_db
def test_factors_of_somebody_who_lost_them_are_removed(admin: User, moderator: User) -> None:
    actor = Actor.of_user(admin)
    with pytest.raises(Refused, match="no second factor"):
        services.reset_second_factor(actor=actor, user_id=moderator.pk)
    for kind in ("totp", "recovery_codes"):
        Authenticator.objects.create(user=moderator, type=kind, data={})
    services.reset_second_factor(actor=actor, user_id=moderator.pk)
    assert not Authenticator.objects.exists()
    entry = last_entry()
    assert (entry.verb, entry.before) == (
        "staff.reset_factors",
        {"kinds": ["recovery_codes", "totp"]},
    )


def prefer(user: User, **changes: Any) -> User:
    return services.change_preferences(
        **{
            "actor": Actor.of_user(user),
            "name": user.name,
            "keyboard_shortcuts": True,
            "theme": Theme.SYSTEM,
            "density": Density.COMFORTABLE,
            **changes,
        }
    )


@pytest.mark.django_db
def test_preferences_are_recorded_when_they_change(moderator: User) -> None:
    before = Entry.objects.count()
    prefer(moderator)
    assert Entry.objects.count() == before
    prefer(moderator, theme=Theme.DARK, keyboard_shortcuts=False)
    entry = last_entry()
    assert (entry.before, entry.after) == (
        {"keyboard_shortcuts": True, "theme": "system"},
        {"keyboard_shortcuts": False, "theme": "dark"},
    )


@pytest.mark.parametrize("changes", [{"theme": "pink"}, {"density": "x"}, {"name": " "}])
@pytest.mark.django_db
def test_preferences_that_do_not_exist(moderator: User, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        prefer(moderator, **changes)


@pytest.mark.django_db
def test_preferences_are_a_persons(outsider: User) -> None:
    with pytest.raises(NotAllowed):
        prefer(outsider, theme=Theme.DARK)
    with pytest.raises(NotAllowed):
        services.change_own_password(actor=Actor.system("command"), password=GOOD)


@pytest.mark.parametrize("source", ["worker", "beat", "web", "command"])
def test_the_system_never_judges_people(source: Any) -> None:
    actor = Actor.system(source)
    for capability in (
        Capability.REVIEW_CASES,
        Capability.DECIDE_ESCALATIONS,
        Capability.REVEAL_CHILDREN,
        Capability.APPROVE_THRESHOLDS,
    ):
        assert not actor.can(capability)
