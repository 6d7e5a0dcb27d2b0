"""Ctrl-K over any page: paste, Enter, there."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from staff.models import User
from tests.browser.conftest import SignIn, landing
from tests.browser.test_axe import PICTURES, check
from tests.moderation import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_pasted_reference_opens_its_case(moderator: User, sign_in: SignIn) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    case = factories.case()
    page = sign_in(moderator)

    page.locator("#q").focus()
    page.keyboard.press("Control+k")
    expect(page.get_by_label("Case, account, event, run or page")).to_be_focused()
    check(page, "palette")
    page.keyboard.type("pref")
    expect(page.locator("[data-hit]")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="Preferences")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Escape")
    expect(page.locator("#q")).to_be_focused()

    page.keyboard.press("Control+k")
    expect(page.get_by_label("Case, account, event, run or page")).to_be_focused()
    page.keyboard.type(case.reference)
    with landing(page):
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(case.reference)
