"""Signing in and out: limits, entries, ends of sessions."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django.fixtures import Settings

from audit.models import Entry
from staff.actors import Actor
from staff.models import User
from staff.services import deactivate, set_password
from staff.sessions import BACKGROUND_HEADER
from tests.conftest import PASSWORD
from tests.staff.signing_in import SIGN_IN, entries, is_signed_in, sign_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("role", "home"),
    [
        ("moderator", "/queue/"),
        ("supervisor", "/escalations/"),
        ("admin", "/runs/"),
        ("auditor", "/audit/"),
    ],
)
def test_each_role_comes_to_its_home(
    client: Client, request: pytest.FixtureRequest, role: str, home: str
) -> None:
    user = request.getfixturevalue(role)
    response = client.post(SIGN_IN, {"login": user.email.upper(), "password": PASSWORD})
    assert response["Location"] == "/"
    assert client.get("/")["Location"] == home
    (entry,) = entries("staff.sign_in")
    assert (entry.actor, entry.target) == (f"staff:{user.pk} {user.name}", f"staff:{user.pk}")
    assert entry.after == {"methods": ["password"]}
    assert entry.request_id


def test_after_signing_in_the_wanted_page_opens(client: Client, moderator: User) -> None:
    wanted = client.get("/preferences/?a=1")["Location"]
    assert wanted == "/sign-in/?next=/preferences/%3Fa%3D1"
    response = client.post(
        SIGN_IN, {"login": moderator.email, "password": PASSWORD, "next": "/preferences/?a=1"}
    )
    assert response["Location"] == "/preferences/?a=1"


def test_no_other_site_opens_after_signing_in(client: Client, moderator: User) -> None:
    response = client.post(
        SIGN_IN, {"login": moderator.email, "password": PASSWORD, "next": "https://evil.example/"}
    )
    assert response["Location"] == "/"


def test_a_wrong_password_is_recorded_against_the_person(client: Client, moderator: User) -> None:
    response = client.post(SIGN_IN, {"login": moderator.email, "password": "wrong"})
    assert "The e-mail address or the password is wrong." in response.content.decode()
    (entry,) = entries("staff.sign_in_failed")
    assert (entry.target, entry.actor) == (f"staff:{moderator.pk}", "system:web")
    assert "wrong" not in str(entry.after)


def test_an_unknown_address_is_kept_as_a_digest_only(client: Client, moderator: User) -> None:
    response = client.post(SIGN_IN, {"login": "Mo.Typo@team.example", "password": PASSWORD})
    assert "The e-mail address or the password is wrong." in response.content.decode()
    sign_in(client, "mo.typo@team.example")
    first, second = entries("staff.sign_in_failed")
    assert re.fullmatch(r"unknown:[0-9a-f]{16}", first.target)
    assert first.target == second.target
    for entry in Entry.objects.all():
        assert "typo" not in str(vars(entry))


def test_somebody_without_access_cannot_sign_in(client: Client, outsider: User) -> None:
    assert sign_in(client, outsider.email) == 302
    assert not is_signed_in(client)
    assert not entries("staff.sign_in")
    assert len(entries("staff.sign_in_failed")) == 1


def test_after_five_wrong_passwords_even_the_right_one_waits(
    client: Client, moderator: User
) -> None:
    for _ in range(5):
        sign_in(client, moderator.email, "wrong")
    response = client.post(SIGN_IN, {"login": moderator.email, "password": PASSWORD})
    assert "Too many attempts" in response.content.decode()
    assert not is_signed_in(client)
    assert len(entries("staff.sign_in_failed")) == 5
    with time_machine.travel(time.time() + 301):
        assert sign_in(client, moderator.email) == 302
        assert is_signed_in(client)


def test_thirty_attempts_a_minute_from_one_address(client: Client, moderator: User) -> None:
    with time_machine.travel(time.time(), tick=False):
        for turn in range(30):
            sign_in(client, f"p{turn}@team.example", "wrong")
        response = client.post(SIGN_IN, {"login": moderator.email, "password": PASSWORD})
    assert response.status_code == 429
    assert "Wait five minutes" in response.content.decode()


@pytest.mark.parametrize(
    "path", ["/sign-up/", "/sign-in/signup/", "/accounts/signup/", "/sign-in/email/", "/admin/"]
)
def test_nobody_signs_up(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_signing_out_takes_a_post_and_is_recorded(client: Client, moderator: User) -> None:
    sign_in(client, moderator.email)
    assert client.get("/sign-out/").status_code == 200
    assert is_signed_in(client)
    assert client.post("/sign-out/")["Location"] == SIGN_IN
    assert not is_signed_in(client)
    (entry,) = entries("staff.sign_out")
    assert entry.target == f"staff:{moderator.pk}"


def test_forms_of_other_sites_are_refused(moderator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client, moderator.email) == 403


def test_a_session_ends_when_idle(client: Client, moderator: User, settings: Settings) -> None:
    settings.SESSION_IDLE = timedelta(minutes=20)
    start = time.time()
    with time_machine.travel(start):
        sign_in(client, moderator.email)
    with time_machine.travel(start + 19 * 60):
        assert is_signed_in(client)
    with time_machine.travel(start + 38 * 60):
        assert is_signed_in(client)
    with time_machine.travel(start + 58 * 60 + 1):
        response = client.get("/preferences/", follow=True)
    assert response.redirect_chain[0][0] == "/sign-in/?next=/preferences/"
    assert "nothing happened for a while" in response.content.decode()
    (entry,) = entries("staff.session_ended")
    assert entry.after == {"ending": "idle"}
    assert not entries("staff.sign_out")


def test_what_a_page_asks_by_itself_is_no_activity(
    client: Client, moderator: User, settings: Settings
) -> None:
    settings.SESSION_IDLE = timedelta(minutes=20)
    start = time.time()
    with time_machine.travel(start):
        sign_in(client, moderator.email)
    for minute in range(1, 20):
        with time_machine.travel(start + minute * 60):
            client.get("/preferences/", headers={BACKGROUND_HEADER: "1"})
    with time_machine.travel(start + 20 * 60):
        assert not is_signed_in(client)


def test_a_session_ends_however_busy(client: Client, moderator: User, settings: Settings) -> None:
    settings.SESSION_ABSOLUTE = timedelta(hours=8)
    start = time.time()
    with time_machine.travel(start):
        sign_in(client, moderator.email)
    for half_hour in range(1, 16):
        with time_machine.travel(start + half_hour * 1800):
            assert is_signed_in(client)
    with time_machine.travel(start + 8 * 3600):
        assert not is_signed_in(client)
    (entry,) = entries("staff.session_ended")
    assert entry.after == {"ending": "absolute"}


def test_inside_a_swap_the_whole_page_goes_to_the_sign_in(client: Client, moderator: User) -> None:
    response = client.get(
        "/preferences/",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/queue/?state=open"},
    )
    assert response.status_code == 204
    assert response["HX-Redirect"] == "/sign-in/?next=/queue/%3Fstate%3Dopen"


def test_taking_access_away_ends_the_session(client: Client, moderator: User, admin: User) -> None:
    sign_in(client, moderator.email)
    deactivate(actor=Actor.of_user(admin), user_id=moderator.pk)
    assert not is_signed_in(client)


def test_a_new_password_from_an_admin_ends_the_session(
    client: Client, moderator: User, admin: User
) -> None:
    sign_in(client, moderator.email)
    set_password(actor=Actor.of_user(admin), user_id=moderator.pk, password="another long phrase")
    assert not is_signed_in(client)


def test_changing_ones_own_password_ends_the_other_sessions(moderator: User) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        sign_in(client, moderator.email)
    new = "another long phrase"
    fields = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert here.post("/preferences/password/", fields)["Location"] == "/preferences/"
    assert is_signed_in(here)
    assert not is_signed_in(there)
    (entry,) = entries("staff.set_password")
    assert entry.actor == f"staff:{moderator.pk} {moderator.name}"
    assert sign_in(Client(), moderator.email, new) == 302


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"oldpassword": "wrong"}, "That is not your current password."),
        ({"password1": "short", "password2": "short"}, "too short"),
        ({"password2": "something else entirely"}, "same password"),
    ],
)
def test_a_password_change_that_is_refused(
    client: Client, moderator: User, changes: dict[str, str], words: str
) -> None:
    sign_in(client, moderator.email)
    new = "another long phrase"
    fields = {"oldpassword": PASSWORD, "password1": new, "password2": new} | changes
    assert words in client.post("/preferences/password/", fields).content.decode()
    moderator.refresh_from_db()
    assert moderator.check_password(PASSWORD)
    assert not entries("staff.set_password")
