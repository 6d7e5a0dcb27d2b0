"""What somebody sees when an answer does not come, and how a value is taken elsewhere."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from audit.actors import Actor
from moderation.services import packages
from staff.models import User
from tests.browser.conftest import SignIn
from tests.browser.test_sending import referred
from tests.pages import stories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def _refuse(page: Page, address: str) -> None:
    page.route(address, lambda route: route.fulfill(status=403, body="Not allowed"))


def test_a_refused_step_is_seen_and_heard_and_can_be_dismissed(
    moderator: User, sign_in: SignIn
) -> None:
    case = stories.coach()
    page = sign_in(moderator)
    _refuse(page, "**/claim/")
    claim = page.locator(f"#case-{case.pk}").get_by_role("button", name="Claim")
    claim.click()

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("This was not taken")
    expect(alert).to_be_in_viewport()
    expect(claim).to_be_enabled()
    claim.click()
    expect(alert).to_have_count(1)
    alert.get_by_role("button", name="Close").click()
    expect(alert).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_focused()

    claim.click()
    expect(alert).to_be_visible()
    page.unroute("**/claim/")
    claim.click()
    expect(page.locator(f"#case-{case.pk}")).to_contain_text("You hold it until")
    expect(alert).to_have_count(0)


def test_what_a_page_asks_by_itself_troubles_nobody(moderator: User, sign_in: SignIn) -> None:
    stories.coach()
    page = sign_in(moderator)
    _refuse(page, "**/queue/updates/**")
    with page.expect_response("**/queue/updates/**"):
        page.locator("[data-poll]").evaluate("element => { element.dataset.poll = '1' }")
    page.wait_for_timeout(300)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_field_of_the_form_is_copied(
    moderator: User, supervisor: User, supervisor2: User, sign_in: SignIn
) -> None:
    case = referred(stories.coach(children=7, account_id="flagged-1"), moderator, supervisor2)
    packages.seal_approved(actor=Actor.system("worker"))
    page = sign_in(supervisor)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/referrals/{case.reference}/nca/")
    page.get_by_role("button", name="Copy own reference").click()

    expect(page.get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == case.reference
    # Long words are not cut off at the edge of their field
    summary = page.get_by_label("Summary")
    assert summary.evaluate("it => it.scrollHeight - it.clientHeight") <= 1
