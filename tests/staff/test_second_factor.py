"""Second factors: setting one up, signing in with it, and where one is required."""

from __future__ import annotations

import base64
import hmac
import re
import struct
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from audit.models import Entry
from staff.models import User
from tests.conftest import PASSWORD
from tests.staff.signing_in import SIGN_IN, entries, is_signed_in, sign_in

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_time_passes() -> Iterator[None]:
    """Or a half minute may end between a code being computed and being looked at."""
    with time_machine.travel(NOW, tick=False):
        yield


def code_of(secret: str) -> str:
    """The code of this half minute, as RFC 6238 defines it."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    offset = digest[-1] & 15
    value = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return f"{value % 1_000_000:06}"


def set_up_app(client: Client) -> str:
    """Confirm, read the secret from the page, send a code. Returns the secret."""
    url = reverse("mfa_activate_totp")
    assert client.get(url)["Location"].startswith("/confirm/")
    assert client.post("/confirm/", {"password": PASSWORD, "next": url})["Location"] == url
    page = client.get(url).content.decode()
    found = re.search(r'<code class="id">([A-Z2-7]+)</code>', page)
    assert found is not None
    assert "<svg" in page
    assert client.post(url, {"code": code_of(found[1])}).status_code == 302
    return found[1]


def test_an_app_is_set_up_used_and_removed(client: Client, supervisor: User) -> None:
    sign_in(client, supervisor.email)
    secret = set_up_app(client)
    assert [entry.after for entry in entries("staff.add_factor")] == [
        {"kind": "totp"},
        {"kind": "recovery_codes"},
    ]
    other = Client()
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        assert other.post(SIGN_IN, {"login": supervisor.email, "password": PASSWORD})[
            "Location"
        ].startswith("/sign-in/second-factor/")
        assert not is_signed_in(other)
        wrong = other.post("/sign-in/second-factor/", {"code": "000000"})
        assert "That code is wrong or has expired." in wrong.content.decode()
        assert not is_signed_in(other)
        assert other.post("/sign-in/second-factor/", {"code": code_of(secret)})["Location"] == "/"
        assert is_signed_in(other)
    assert entries("staff.sign_in_failed")[-1].after == {"step": "totp"}
    assert entries("staff.sign_in")[-1].after == {"methods": ["password", "totp"]}
    assert client.post(reverse("mfa_deactivate_totp")).status_code == 302
    assert [entry.before for entry in entries("staff.remove_factor")] == [{"kind": "totp"}]
    assert not Authenticator.objects.exists()


def test_a_recovery_code_opens_once(client: Client, supervisor: User) -> None:
    sign_in(client, supervisor.email)
    set_up_app(client)
    page = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    code = re.findall(r"^(\d{8})$", page, re.MULTILINE)[0]
    for expected in (True, False):
        other = Client()
        sign_in(other, supervisor.email)
        other.post("/sign-in/second-factor/", {"code": code})
        assert is_signed_in(other) is expected


def test_changing_factors_asks_for_the_password_again(client: Client, moderator: User) -> None:
    sign_in(client, moderator.email)
    for name in ("mfa_activate_totp", "mfa_add_webauthn", "mfa_generate_recovery_codes"):
        assert client.get(reverse(name))["Location"].startswith("/confirm/")
    wrong = client.post("/confirm/", {"password": "wrong", "next": "/preferences/"})
    assert "The password is wrong." in wrong.content.decode()
    assert client.get(reverse("mfa_activate_totp"))["Location"].startswith("/confirm/")


@pytest.mark.parametrize("role", ["moderator", "supervisor", "admin", "auditor"])
def test_where_required_nothing_opens_without_a_second_factor(
    client: Client, request: pytest.FixtureRequest, settings: Settings, role: str
) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    user = request.getfixturevalue(role)
    sign_in(client, user.email)
    for path in ("/", "/staff/", "/audit/", "/keys/"):
        assert client.get(path)["Location"] == reverse("mfa_index")
    assert is_signed_in(client)
    set_up_app(client)
    assert client.get("/")["Location"] != reverse("mfa_index")


def test_recovery_codes_alone_are_no_second_factor(
    client: Client, admin: User, settings: Settings
) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    Authenticator.objects.create(user=admin, type="recovery_codes", data={"seed": "x"})
    client.force_login(admin)
    assert client.get("/staff/")["Location"] == reverse("mfa_index")


def test_where_not_required_pages_open(client: Client, admin: User) -> None:
    client.force_login(admin)
    assert client.get("/staff/").status_code == 200


def test_the_secret_is_not_in_the_trail(client: Client, supervisor: User) -> None:
    sign_in(client, supervisor.email)
    secret = set_up_app(client)
    assert all(secret not in str(vars(entry)) for entry in Entry.objects.all())


def test_a_copy_of_the_database_opens_no_second_factor(
    client: Client, supervisor: User, settings: Settings
) -> None:
    """Secrets are encrypted; after a change of the secret key the old one still reads them."""
    sign_in(client, supervisor.email)
    secret = set_up_app(client)
    assert all(secret not in str(factor.data) for factor in Authenticator.objects.all())
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret key of more than fifty characters, for this test"
    other = Client()
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        sign_in(other, supervisor.email)
        assert other.post("/sign-in/second-factor/", {"code": code_of(secret)})["Location"] == "/"
