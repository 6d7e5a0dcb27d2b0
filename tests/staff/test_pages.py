"""The pages of staff, keys and preferences."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from staff.actors import Actor
from staff.models import ApiKey, User
from staff.services import create_api_key

pytestmark = pytest.mark.django_db

GOOD = "correct horse battery staple"
POST_ONLY = {
    "staff_role",
    "staff_password",
    "staff_second_factor",
    "staff_deactivate",
    "staff_reactivate",
}


def test_the_list_shows_everybody(client: Client, admin: User, outsider: User) -> None:
    client.force_login(admin)
    page = client.get("/staff/").content.decode()
    assert "Ada Marsh" in page
    assert "Olga Frost" in page
    assert "Deactivated" in page


def test_an_admin_adds_a_person_who_can_sign_in(client: Client, admin: User) -> None:
    client.force_login(admin)
    fields = {"email": "n@team.example", "name": "Nia", "role": "moderator", "password": GOOD}
    response = client.post("/staff/add/", fields, follow=True)
    assert "Nia can now sign in." in response.content.decode()
    assert (
        Client().post("/sign-in/", {"login": "n@team.example", "password": GOOD}).status_code == 302
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "short"}, "too short"),
        ({"email": "nobody"}, "not an e-mail address"),
        ({"email": "ada@team.example"}, "already a member of staff"),
        ({"role": "king"}, "king is not one of the available choices"),
        ({"name": ""}, "Enter the name."),
    ],
)
def test_mistakes_stand_beside_their_fields(
    client: Client, admin: User, changes: dict[str, str], words: str
) -> None:
    client.force_login(admin)
    fields = {"email": "n@team.example", "name": "Nia", "role": "moderator", "password": GOOD}
    response = client.post("/staff/add/", fields | changes)
    assert response.status_code == 422
    page = response.content.decode()
    assert words in page
    assert "There is a problem" in page
    assert GOOD not in page
    assert User.objects.count() == 1


def test_a_role_changes_on_the_page(client: Client, admin: User, moderator: User) -> None:
    client.force_login(admin)
    url = reverse("staff_role", args=[moderator.pk])
    page = client.post(url, {"role": "auditor"}, follow=True).content.decode()
    assert "Mo Reyes now has the role auditor." in page
    page = client.post(url, {"role": "auditor"}, follow=True).content.decode()
    assert "Mo Reyes already has the role auditor." in page
    assert client.post(url, {"role": "king"}).status_code == 422


def test_refusals_are_said_on_the_page(client: Client, admin: User) -> None:
    client.force_login(admin)
    page = client.post(reverse("staff_deactivate", args=[admin.pk]), follow=True).content.decode()
    assert "You cannot deactivate yourself" in page
    page = client.get(reverse("staff_person", args=[admin.pk])).content.decode()
    assert "This is you." in page
    assert "Deactivate</button>" not in page


def test_access_is_taken_and_given_back(client: Client, admin: User, moderator: User) -> None:
    client.force_login(admin)
    for name, words in (("staff_deactivate", "no longer has"), ("staff_reactivate", "again")):
        page = client.post(reverse(name, args=[moderator.pk]), follow=True).content.decode()
        assert words in page


def test_a_password_is_set_on_the_page(client: Client, admin: User, moderator: User) -> None:
    client.force_login(admin)
    url = reverse("staff_password", args=[moderator.pk])
    response = client.post(url, {"password": "short"})
    assert (response.status_code, "too short" in response.content.decode()) == (422, True)
    assert "is changed" in client.post(url, {"password": GOOD + "!"}, follow=True).content.decode()


@pytest.mark.parametrize("name", sorted(POST_ONLY))
def test_a_link_changes_nothing(client: Client, admin: User, name: str) -> None:
    client.force_login(admin)
    assert client.get(reverse(name, args=[admin.pk])).status_code == 405


@pytest.mark.parametrize(
    "name", sorted(POST_ONLY - {"staff_role", "staff_password"} | {"keys_revoke"})
)
def test_somebody_unknown_is_not_found(client: Client, admin: User, name: str) -> None:
    client.force_login(admin)
    assert client.post(reverse(name, args=[999_999])).status_code == 404


def test_a_key_is_shown_once(client: Client, admin: User) -> None:
    client.force_login(admin)
    fields = {"name": "Platform", "scopes": ["graph:write", "advice:read"], "days": "90"}
    response = client.post("/keys/add/", fields)
    found = re.search(r"slk_[\w-]{43}", response.content.decode())
    assert found is not None
    assert "no-store" in response["Cache-Control"]
    page = client.get("/keys/").content.decode()
    assert found[0] not in page
    assert found[0][:9] in page
    assert client.post("/keys/add/", fields).status_code == 422
    assert client.post("/keys/add/", {"name": "x", "days": "90"}).status_code == 422


def test_a_key_is_revoked_once_that_is_confirmed(client: Client, admin: User) -> None:
    key = create_api_key(actor=Actor.of_user(admin), name="Old", scopes=["cases:read"]).key
    client.force_login(admin)
    url = reverse("keys_revoke", args=[key.pk])
    page = client.get("/keys/").content.decode()
    assert f'href="{url}"' in page
    assert f'action="{url}"' not in page
    assert "Read cases without personal data" in page

    page = client.get(url).content.decode()
    assert "This cannot be undone" in page
    assert f'action="{url}"' in page
    assert ApiKey.objects.get().is_live

    page = client.post(url, follow=True).content.decode()
    assert "no longer opens anything" in page
    assert not ApiKey.objects.get().is_live
    assert client.get(url).status_code == 404


def test_preferences_are_kept_and_shape_the_page(client: Client, moderator: User) -> None:
    client.force_login(moderator)
    fields = {"name": "Mo R.", "theme": "dark", "density": "compact"}
    page = client.post("/preferences/", fields, follow=True).content.decode()
    assert "Your preferences are saved." in page
    moderator.refresh_from_db()
    assert (moderator.name, moderator.theme, moderator.density) == ("Mo R.", "dark", "compact")
    assert moderator.keyboard_shortcuts is False
    assert 'data-theme="dark"' in page
    assert 'data-density="compact"' in page
    assert 'data-hotkeys="off"' in page
    assert Entry.objects.filter(verb="staff.change_preferences").count() == 1


def test_preferences_that_do_not_exist_are_refused(client: Client, moderator: User) -> None:
    client.force_login(moderator)
    response = client.post("/preferences/", {"name": "", "theme": "pink", "density": "compact"})
    assert response.status_code == 422
    moderator.refresh_from_db()
    assert moderator.theme == "system"
