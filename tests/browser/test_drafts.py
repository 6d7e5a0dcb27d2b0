"""What is typed on a case is kept while it is typed, and is there after a reload."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from moderation.models import Draft
from staff.models import User
from tests.browser.conftest import SignIn
from tests.moderation import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_what_is_typed_is_kept_without_a_click(moderator: User, sign_in: SignIn) -> None:
    case = factories.held(moderator)
    page = sign_in(moderator)
    page.goto(f"/cases/{case.reference}/?do=escalate")
    form = page.locator("#do-escalate")
    with page.expect_response("**/draft/"):
        form.get_by_label("Critical").check()
    with page.expect_response("**/draft/"):
        form.get_by_label("Summary").fill("Four children of one school.")
    expect(form.get_by_role("status")).to_contain_text("Draft kept")
    expect(form.get_by_label("Summary")).to_be_focused()
    assert Draft.objects.get().words["note"] == "Four children of one school."

    page.reload()

    expect(form.get_by_label("Summary")).to_have_value("Four children of one school.")
    expect(form.get_by_label("Critical")).to_be_checked()
    form.get_by_label("Summary").fill("")
    form.get_by_label("What do you ask for?").fill("Please look again.")
    form.get_by_role("button", name="Keep as a draft").click()
    expect(form.get_by_role("status")).to_contain_text("Draft kept")
    expect(form.get_by_label("What do you ask for?")).to_have_value("Please look again.")
