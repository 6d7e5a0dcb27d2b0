"""The moderator's main path in a browser that runs no script: what is needed is seen and works."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from moderation.domain.transitions import State
from staff.models import User
from tests.conftest import PASSWORD
from tests.pages import stories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_case_is_taken_read_and_decided(
    moderator: User, open_browser: Callable[..., BrowserContext]
) -> None:
    case = stories.coach()
    page = open_browser(java_script_enabled=False).new_page()
    page.goto("/")
    page.get_by_label("E-mail").fill(moderator.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_label("Look for new cases")).to_be_hidden()
    page.get_by_role("button", name="Start reviewing").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(case.reference)
    expect(page.get_by_label("How contact spread")).to_be_hidden()
    expect(page.get_by_text("left.", exact=True)).to_be_hidden()
    page.locator("#reason-no_mutuals summary").click()
    page.get_by_role("link", name="Show the rows").first.click()
    expect(page.get_by_role("row", name="A, 13–15")).to_be_visible()

    page.locator("#do-dismiss summary").click()
    page.get_by_label("Family of the children").check()
    page.locator("#dismiss_note").fill("Their uncle.")
    page.get_by_role("button", name="Dismiss", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text(f"{case.reference} is dismissed.")
    case.refresh_from_db()
    assert case.state == State.DISMISSED
