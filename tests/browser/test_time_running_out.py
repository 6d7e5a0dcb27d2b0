"""What the page does by itself when a time is over: the hold's, and that of revealed names."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from audit.actors import Actor
from moderation.models import Case, Reveal
from moderation.services import claims
from staff.models import User
from tests.browser.conftest import SignIn, landing
from tests.moderation import factories
from tests.pages import stories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NAME = "Name Of First"


def test_a_lapsed_hold_is_claimed_again_beside_what_was_typed(
    moderator: User, sign_in: SignIn
) -> None:
    case = factories.held(moderator)
    page = sign_in(moderator)
    _ends_in(case, seconds=6)
    page.goto(f"/cases/{case.reference}/?do=monitor")
    note = page.locator("#monitor_note")
    with page.expect_response("**/draft/"):
        note.fill("Too little to go on.")

    again = page.locator("#lease").get_by_role("button", name="Claim it again")
    expect(again).to_be_visible(timeout=15_000)
    expect(page.locator("#lease")).to_contain_text("Your hold on this case ended at")
    expect(page.locator("#lease")).to_contain_text("What you wrote is kept")
    expect(note).to_have_value("Too little to go on.")
    expect(note).to_be_focused()
    with landing(page):
        again.click()
    expect(page.locator("#monitor_note")).to_have_value("Too little to go on.")
    expect(page.locator("[data-countdown]")).to_have_text(re.compile(r"^(20:00|19:\d\d)$"))


def test_the_countdown_does_not_believe_the_clock_of_the_machine(
    moderator: User, sign_in: SignIn
) -> None:
    case = factories.held(moderator)
    page = sign_in(moderator)
    page.clock.install(time=timezone.now() + timedelta(hours=2))
    page.goto(f"/cases/{case.reference}/")
    expect(page.locator("[data-countdown]")).to_have_text(re.compile(r"^(20:00|19:\d\d)$"))


def test_names_leave_the_screen_when_their_time_is_over(moderator: User, sign_in: SignIn) -> None:
    page = _revealed(moderator, sign_in)
    Reveal.objects.update(ends_at=timezone.now() + timedelta(seconds=4))
    page.reload()
    expect(page.get_by_text(NAME)).to_be_visible()

    expect(page.get_by_text(NAME)).to_have_count(0)
    expect(page.locator("#revealed")).to_contain_text("The names are hidden again")
    expect(page.locator("#contact-rows")).not_to_contain_text("Jan 2012")
    assert NAME not in page.content()


def test_a_page_that_the_browser_keeps_has_no_names(moderator: User, sign_in: SignIn) -> None:
    page = _revealed(moderator, sign_in)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    assert NAME not in page.content()
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert NAME not in stored
    assert "<" not in stored, "a snapshot of a page"


def _revealed(moderator: User, sign_in: SignIn) -> Page:
    case = stories.coach(children=4)
    claims.claim(actor=Actor.of_user(moderator), case_id=case.pk)
    page = sign_in(moderator)
    page.goto(f"/cases/{case.reference}/")
    page.keyboard.press("r")
    page.get_by_label("To check a recorded age").check()
    with landing(page):
        page.get_by_role("button", name="Reveal the names").click()
    expect(page.get_by_text(NAME)).to_be_visible()
    return page


def _ends_in(case: Case, *, seconds: int) -> None:
    soon = timezone.now() + timedelta(seconds=seconds)
    Case.objects.filter(pk=case.pk).update(lease_expires_at=soon)
