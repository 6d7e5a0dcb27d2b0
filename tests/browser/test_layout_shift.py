"""Nothing jumps: what arrives on a page finds its place kept, wide and narrow."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from staff.models import User
from tests.browser.conftest import SignIn, landing
from tests.pages import stories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

_WATCH = """
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifts.push({
      value: entry.value,
      moved: entry.sources.map(({ node }) => node?.id || node?.className || node?.nodeName),
    });
  }).observe({ type: "layout-shift", buffered: true });
"""
_TWO_FRAMES = "() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"


def _shifts(page: Page) -> Any:
    page.evaluate(_TWO_FRAMES)
    return page.evaluate("shifts")


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_moves_when_something_arrives(width: int, moderator: User, sign_in: SignIn) -> None:
    for n in range(3):
        stories.coach(children=14, account_id=f"flagged-{n}")
    page = sign_in(moderator)
    page.set_viewport_size({"width": width, "height": 844})
    page.add_init_script(_WATCH)

    page.goto("/queue/")
    stories.coach(account_id="flagged-new")
    page.evaluate("htmx.trigger(document.getElementById('arrived'), 'poll')")
    expect(page.get_by_role("link", name="new · show")).to_be_visible()
    page.locator("#severity").select_option("standard")
    expect(page.get_by_role("link", name="new · show")).to_be_hidden()
    page.get_by_role("button", name="Claim").first.click()
    expect(page.get_by_role("link", name="Continue").first).to_be_visible()
    assert _shifts(page) == []

    with landing(page):
        page.get_by_role("link", name="Continue").first.click()
    page.locator("#reason-no_mutuals summary").click()
    expect(page.locator("#rows-no_mutuals")).to_be_visible()
    page.locator("#people summary", has_text="Show the table").click()
    expect(page.locator("#contact-rows")).to_be_visible()
    # The play button goes on by itself, long after the press
    page.locator("[data-play]").click()
    expect(page.locator("[data-play]")).to_have_text("Play", timeout=30_000)
    page.get_by_role("region", name="Network").hover()
    page.locator("#lease-extend").click()
    page.locator("#do-dismiss > summary").click()
    page.locator("#do-dismiss").get_by_role("button", name="Dismiss", exact=True).click()
    expect(page.locator(".error-summary")).to_be_focused()
    assert _shifts(page) == []

    page.get_by_label("Family of the children").check()
    page.locator("#dismiss_note").fill("Their uncle.")
    with landing(page):
        page.get_by_role("button", name="Dismiss and next").click()
    assert _shifts(page) == []


def test_what_comes_late_moves_nothing_either(moderator: User, sign_in: SignIn) -> None:
    """More than half a second after the press a shift counts; words that break ask for more room
    than was kept for them, and a wider button comes in the place of another."""
    case = stories.coach(children=3, account_id="flagged-1")
    stories.coach(account_id="flagged-2")
    told = {"kind": "offer", "outcome": "blocked", "m": 0}
    case.assessment.evidence.update(facts=told, counted=False)
    page = sign_in(moderator)
    page.set_viewport_size({"width": 390, "height": 844})
    page.add_init_script(_WATCH)
    for part in ("**/claim/", "**/*evidence=*", "**/*contacts=*"):
        page.route(part, _late)

    page.goto("/queue/")
    row = page.locator(f"#case-{case.pk}")
    row.get_by_role("button", name="Claim").click()
    expect(row.get_by_role("link", name="Continue")).to_be_visible()
    assert _shifts(page) == []

    with landing(page):
        row.get_by_role("link", name="Continue").click()
    page.locator("#reason-no_mutuals summary").click()
    rows = page.locator("#rows-no_mutuals")
    expect(rows).to_contain_text("Friend request, blocked within a week")
    box = rows.locator(".table-scroll")
    assert box.evaluate("it => it.scrollHeight > it.clientHeight"), "the words break"
    page.locator("#people summary", has_text="Show the table").click()
    expect(page.locator("#contact-rows")).to_be_visible()
    assert _shifts(page) == []

    # What is opened again has the height that it needs
    page.locator("#reason-no_mutuals summary").click()
    page.locator("#reason-no_mutuals summary").click()
    expect(rows).to_be_visible()
    page.evaluate(_TWO_FRAMES)
    assert box.evaluate("it => it.scrollHeight <= it.clientHeight + 1")


def _late(route: Route) -> None:
    time.sleep(0.7)
    route.continue_()
