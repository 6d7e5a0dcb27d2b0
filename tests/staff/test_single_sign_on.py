"""Signing in at the organisation's own service, and confirming there what cannot be undone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from moderation.models import Case
from staff import policy
from staff.actors import Actor
from staff.models import User
from staff.services import deactivate
from staff.urls import single_sign_on_patterns
from tests.moderation import factories
from tests.staff.sign_in_service import CLIENT, SECRET, Service, serve
from tests.staff.signing_in import entries, is_signed_in

pytestmark = pytest.mark.django_db

SIGN_IN = "/sign-in/single-sign-on/"
CONFIRM = "/confirm/single-sign-on/"


@pytest.fixture
def service(settings: Any) -> Iterator[Service]:
    with serve() as made:
        app = {
            "provider_id": "sso",
            "name": "Example ID",
            "client_id": CLIENT,
            "secret": SECRET,
            "settings": {"server_url": made.address, "oauth_pkce_enabled": True},
        }
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
        settings.OIDC_CLIENT_ID, settings.OIDC_NAME = CLIENT, "Example ID"
        settings.ROOT_URLCONF = "tests.staff.single_sign_on_urls"
        yield made


def _sam(**claims: Any) -> dict[str, Any]:
    return {"sub": "u-1", "email": "Sam@team.example", "email_verified": True} | claims


def test_the_addresses_are_there_with_the_settings_alone() -> None:
    assert {route.name for route in single_sign_on_patterns} == policy.single_sign_on.keys()
    assert Client().get(SIGN_IN).status_code == 404
    assert "Sign in with" not in Client().get("/sign-in/").content.decode()


def test_whoever_an_admin_has_added_comes_in_and_stays_known(
    service: Service, supervisor: User, client: Client
) -> None:
    page = client.get("/sign-in/?next=/queue/").content.decode()
    assert f'href="{SIGN_IN}?next=/queue/"' in page
    assert "Sign in with Example ID" in page
    end = service.visit(client, f"{SIGN_IN}?next=/queue/", **_sam())
    assert end.request["PATH_INFO"] == "/queue/"
    assert end.wsgi_request.user == supervisor
    assert {service.asked[name] for name in ("client_id", "code_challenge_method")} == {
        CLIENT,
        "S256",
    }
    (linked,) = entries("staff.link_sign_on")
    assert linked.target == f"staff:{supervisor.pk}"
    assert entries("staff.sign_in")[-1].after == {"methods": ["socialaccount"]}

    again = Client()
    service.visit(again, SIGN_IN, **_sam(email="another@team.example"))
    assert is_signed_in(again), "known by the service's identifier from now on"
    assert len(entries("staff.link_sign_on")) == 1


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"email_verified": False}, "is verified, so it opens nothing"),
        ({"email": "stranger@team.example"}, "Nobody here has the e-mail address"),
        ({"email": ""}, "Nobody here has the e-mail address"),
    ],
)
def test_others_are_told_why_not(
    service: Service, supervisor: User, client: Client, claims: dict[str, Any], says: str
) -> None:
    end = service.visit(client, SIGN_IN, **_sam(**claims))
    assert says in end.content.decode()
    assert not is_signed_in(client)
    assert not SocialAccount.objects.exists()
    (failed,) = entries("staff.sign_in_failed")
    assert failed.after == {"step": "single_sign_on"}


def test_who_left_does_not_come_in_that_way(
    service: Service, supervisor: User, admin: User, client: Client
) -> None:
    service.visit(Client(), SIGN_IN, **_sam())
    deactivate(actor=Actor.of_user(admin), user_id=supervisor.pk)
    service.visit(client, SIGN_IN, **_sam())
    assert not is_signed_in(client)


def test_a_service_that_does_not_answer_is_said_so(
    service: Service, settings: Any, client: Client
) -> None:
    app = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]
    app["settings"]["server_url"] = "http://127.0.0.1:9"
    end = client.get(SIGN_IN, follow=True)
    assert "did not work. Try again." in end.content.decode()


# -- Confirming --------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(supervisor: User) -> User:
    """A supervisor who has no password here."""
    supervisor.set_unusable_password()
    supervisor.save()
    return supervisor


def _refer(browser: Client, case: Case) -> Any:
    words = {"version": case.version, "note": "Agreed.", "confirmed": "1"}
    return browser.post(f"/cases/{case.reference}/refer/", words, follow=True)


def test_approval_waits_for_a_fresh_sign_in_at_the_service(
    service: Service, elsewhere: User, moderator: User, client: Client
) -> None:
    case = factories.escalated(moderator)
    service.visit(client, SIGN_IN, **_sam())
    asked = _refer(client, case)
    assert asked.status_code == 422
    assert "sign in again with Example ID" in asked.content.decode()
    way = f"{CONFIRM}?next=/cases/{case.reference}/refer/%3Fversion%3D{case.version}"
    assert way in asked.content.decode()

    now = int(time.time())
    for claims, says in (
        ({"auth_time": now - 3600}, "did not ask you to sign in again"),
        ({}, "did not ask you to sign in again"),
        ({"auth_time": now, "sub": "u-2"}, "was not the person who is signed in"),
    ):
        end = service.visit(client, way, **_sam(**claims))
        assert says in end.content.decode()
        assert _refer(client, case).status_code == 422

    end = service.visit(client, way, **_sam(auth_time=now))
    assert (service.asked["prompt"], service.asked["max_age"]) == ("login", "0")
    assert end.request["PATH_INFO"] == f"/cases/{case.reference}/refer/"
    assert "Agreed." in end.content.decode()
    assert end.wsgi_request.user == elsewhere
    assert _refer(client, case).status_code == 200
    case.refresh_from_db()
    assert (case.state, case.referred_by) == ("referred", elsewhere)


def test_without_a_service_nothing_confirms_and_the_page_says_so(
    elsewhere: User, moderator: User, client: Client
) -> None:
    case = factories.escalated(moderator)
    client.force_login(elsewhere)
    asked = _refer(client, case)
    assert asked.status_code == 422
    assert "nothing can confirm that it is you" in asked.content.decode()
    case.refresh_from_db()
    assert case.state == "escalated"


@pytest.mark.parametrize("way", ["app", "keys/add"])
def test_an_open_session_alone_adds_no_second_factor(
    service: Service, elsewhere: User, client: Client, way: str
) -> None:
    service.visit(client, SIGN_IN, **_sam())
    url = f"/preferences/second-factor/{way}/"
    assert client.get(url).headers["Location"] == f"{CONFIRM}?next={url}"
    service.visit(client, f"{CONFIRM}?next={url}", **_sam(auth_time=int(time.time())))
    assert client.get(url).status_code == 200
