"""A security key as the second factor: added, signed in with, and what approves a referral."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from moderation.models import Case
from staff.models import User
from tests.browser.conftest import landing
from tests.conftest import PASSWORD
from tests.moderation import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Open = Callable[..., BrowserContext]


@contextmanager
def security_key(page: Page) -> Iterator[None]:
    """A key in the browser of ``page``, touched whenever it is asked for."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    key = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasResidentKey": False,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": key})
    yield
    session.send("WebAuthn.disable")


def _sign_in(page: Page, user: User) -> None:
    page.goto("/sign-in/")
    page.get_by_label("E-mail").fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    with landing(page):
        page.keyboard.press("Enter")


def _begin_to_add(page: Page, user: User) -> None:
    _sign_in(page, user)
    page.goto("/preferences/second-factor/keys/add/")
    page.get_by_label("Your password").fill(PASSWORD)
    with landing(page):
        page.keyboard.press("Enter")
    page.get_by_label("Name").fill("The blue key")


def test_a_key_is_added_signs_in_and_approves_a_referral(
    open_browser: Open, moderator: User, supervisor: User
) -> None:
    case = factories.escalated(moderator)
    page = open_browser().new_page()  # at a name, localhost
    with security_key(page):
        _begin_to_add(page, supervisor)
        with landing(page):
            page.get_by_role("button", name="Add the key").click()
        assert "The security key is added." in page.inner_text("main")

        page.context.clear_cookies()
        _sign_in(page, supervisor)
        assert "/sign-in/second-factor/" in page.url
        with landing(page):
            page.get_by_role("button", name="Use a security key").click()
        page.goto(f"/cases/{case.reference}/?do=refer")
        page.get_by_label("Why you refer it").fill("I agree with all of it.")
        with landing(page):
            page.keyboard.press("Control+Enter")
        with landing(page):
            page.get_by_role("link", name="confirm with your second factor").click()
        with landing(page):
            page.get_by_role("link", name="Use a security key").click()
        with landing(page):
            page.get_by_role("button", name="Use a security key").click()
        assert "I agree with all of it." in page.inner_text("main")
        assert not page.get_by_label("Your password").is_visible()
        with landing(page):
            page.get_by_role("button", name="Refer to the police").click()
        assert Case.objects.get(pk=case.pk).referred_by == supervisor

        with landing(page):
            page.go_back()
        assert "Referred to the police" in page.inner_text("main")
        assert not page.get_by_role("button", name="Refer to the police").is_visible()


def test_at_an_address_without_a_name_the_page_says_where_to_go(
    chromium: Browser, live_server: LiveServer, supervisor: User
) -> None:
    port = urlsplit(live_server.url).port
    page = chromium.new_context(base_url=f"http://127.0.0.1:{port}").new_page()
    with closing(page.context), security_key(page):
        _begin_to_add(page, supervisor)
        page.get_by_role("button", name="Add the key").click()
        problem = page.locator("#security-key-problem")
        problem.wait_for()
        assert f"Open Sightline by its name: http://localhost:{port}/." in problem.inner_text()
