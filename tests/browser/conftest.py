"""A real browser against the real server. Skipped, with a line, where no Chromium is installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from staff.models import User
from tests.conftest import PASSWORD

CHROMIUM = os.environ.get("SIGHTLINE_CHROMIUM") or shutil.which("chromium") or ""

SignIn = Callable[[User], Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("no Chromium here: apt-get install chromium, or set SIGHTLINE_CHROMIUM")
    # Playwright keeps an event loop in this thread until the session ends, so Django takes every
    # query of this process for one from asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root, which containers often are
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_browser(
    chromium: Browser, live_server: LiveServer
) -> Iterator[Callable[..., BrowserContext]]:
    """Opens a browser of its own for one person; the test fails on anything that its pages log.

    A refused form (422), a lost race (409) or an error page is logged by Chromium as a failed load:
    that is how these pages answer, so it does not count.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def complain(text: str) -> None:
        words = ("status of", "Status Error Code")  # Chromium's, and htmx's
        told = [f"{one} {code}" for one in words for code in (403, 404, 405, 409, 422)]
        if not any(one in text for one in told):
            complaints.append(text)

    def watch(page: Page) -> None:
        page.on(
            "console",
            lambda said: complain(said.text) if said.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((live_server.url, "data:"))
                else complaints.append(f"asked a third party: {asked.url}")
            ),
        )

    def open_one(**options: Any) -> BrowserContext:
        usual = {
            "base_url": live_server.url,
            "viewport": {"width": 1440, "height": 900},
            "reduced_motion": "reduce",  # colours are read the moment the theme changes
        }
        context = chromium.new_context(**(usual | options))
        context.set_default_timeout(15_000)
        context.on("page", watch)
        contexts.append(context)
        return context

    yield open_one
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def sign_in(open_browser: Callable[..., BrowserContext]) -> SignIn:
    """Signs somebody in through the sign-in page, in a browser of their own."""

    def sign_in(user: User) -> Page:
        page = open_browser().new_page()
        page.goto("/sign-in/")
        page.get_by_label("E-mail").fill(user.email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/sign-in/" not in url)
        return page

    return sign_in


@contextmanager
def landing(page: Page) -> Iterator[None]:
    """Waits for the page that the block leads to."""
    with page.expect_navigation(wait_until="load"):
        yield
