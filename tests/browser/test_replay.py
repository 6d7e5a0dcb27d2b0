"""The slider in a browser shows at each step what the server draws of that day."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from staff.models import User
from tests.browser.conftest import SignIn
from tests.pages import stories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

_SHOWN = """() => ({
  words: document.getElementById("network-words").textContent,
  nodes: [...document.querySelectorAll(".network .net-node")].map((n) => n.getAttribute("class")),
  lines: [...document.querySelectorAll(".net-line[d], .net-tie")].map((p) => p.getAttribute("d")),
  later: [...document.querySelectorAll(".timeline .is-later")].map((e) => e.outerHTML.length > 0),
  spans: [...document.querySelectorAll(".tl-span")].map((p) => p.getAttribute("d")),
})"""


def test_each_step_is_the_day_that_the_server_draws(moderator: User, sign_in: SignIn) -> None:
    case = stories.coach(children=5)
    page = sign_in(moderator)
    page.goto(f"/cases/{case.reference}/")
    days = page.evaluate(
        "() => JSON.parse(document.getElementById('replay-data').textContent).days"
    )
    assert len(days) > 3
    for step, day in enumerate(days[:-1]):
        page.goto(f"/cases/{case.reference}/")
        _move_to(page, step)
        by_script = page.evaluate(_SHOWN)
        page.goto(f"/cases/{case.reference}/?until={day}")
        expect(page.get_by_label("How contact spread")).to_have_value(str(step))
        assert page.evaluate(_SHOWN) == by_script

    # The table follows, and somebody reached by a key is told
    page.goto(f"/cases/{case.reference}/?contacts=1")
    expect(page.locator("#contact-rows tbody tr")).to_have_count(6)
    page.get_by_label("How contact spread").focus()
    page.keyboard.press("Home")
    expect(page.locator("#contact-rows tbody tr")).to_have_count(3)
    page.get_by_role("region", name="Network").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#network-detail")).to_contain_text("Child A, 13–15: accepted (")


def _move_to(page: Page, step: int) -> None:
    slider = page.get_by_label("How contact spread")
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(step):
        page.keyboard.press("ArrowRight")
    expect(slider).to_have_value(str(step))


@pytest.mark.parametrize(("width", "apart"), [(1440, False), (390, True)])
def test_one_slider_moves_two_pictures_in_sight(
    width: int, apart: bool, moderator: User, sign_in: SignIn
) -> None:
    """Side by side, or with the slider staying in sight; neither moves when its words change."""
    case = stories.coach(children=30)
    page = sign_in(moderator)
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(f"/cases/{case.reference}/")
    boxes = """() => ["network", "timeline"].map(
      (name) => document.querySelector(`svg.${name}`).getBoundingClientRect().toJSON())"""
    network, timeline = page.evaluate(boxes)
    assert (timeline["top"] >= network["bottom"]) is apart
    assert (timeline["left"] >= network["right"]) is not apart

    page.get_by_role("region", name="Timeline").scroll_into_view_if_needed()
    slider = page.get_by_label("How contact spread")
    slider.focus()
    before = page.evaluate(boxes)
    page.keyboard.press("Home")
    expect(page.locator("#network-words")).to_contain_text("2 children")
    expect(slider).to_be_in_viewport()
    assert page.evaluate(boxes) == before
