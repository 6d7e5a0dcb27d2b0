"""What keys do on a case beyond opening a decision, and that no press is counted twice."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from audit.models import Entry
from moderation.domain.transitions import State
from staff.models import User
from tests.browser.conftest import SignIn, landing
from tests.moderation import factories
from tests.pages import stories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_number_chooses_the_reason_and_shift_goes_on(moderator: User, sign_in: SignIn) -> None:
    """From the queue: n, d, a number, Tab, the note, and one chord: the next case is open."""
    case = stories.coach(children=5)
    following = stories.coach()
    page = sign_in(moderator)
    with landing(page):
        page.keyboard.press("n")
    page.keyboard.press("d")
    page.keyboard.press("3")
    expect(page.get_by_label("Same circle, about the same age")).to_be_checked()
    expect(page.get_by_label("Same circle, about the same age")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("3 of them are in one class.")
    with landing(page):
        page.keyboard.press("Control+Shift+Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(following.reference)
    expect(page.get_by_role("alert")).to_contain_text(f"{case.reference} is dismissed.")
    decision = case.decisions.get()
    assert decision.reason == "same_age_circle"
    assert decision.note == "3 of them are in one class."


def test_where_keys_are_off_numbers_choose_nothing_and_are_not_shown(
    moderator: User, sign_in: SignIn
) -> None:
    case = factories.held(moderator)
    page = sign_in(moderator)
    number = "getComputedStyle(document.querySelector('.choice[open] label:has(input)'), '::after')"
    page.goto(f"/cases/{case.reference}/?do=dismiss")
    assert page.evaluate(f"{number}.content") != "none"
    User.objects.filter(pk=moderator.pk).update(keyboard_shortcuts=False)
    page.reload()
    assert page.evaluate(f"{number}.content") == "none"
    page.get_by_label("Family of the children").focus()
    page.keyboard.press("3")
    expect(page.get_by_label("Same circle, about the same age")).not_to_be_checked()


def test_escape_closes_a_decision_and_keeps_what_was_typed(
    moderator: User, sign_in: SignIn
) -> None:
    case = factories.held(moderator)
    page = sign_in(moderator)
    page.goto(f"/cases/{case.reference}/")
    page.keyboard.press("m")
    page.locator("#monitor_note").fill("Look again in spring.")
    page.keyboard.press("Escape")

    expect(page.locator("#do-monitor")).not_to_have_attribute("open", "")
    expect(page.locator("#do-monitor > summary")).to_be_focused()
    page.keyboard.press("m")
    expect(page.locator("#monitor_note")).to_have_value("Look again in spring.")


def test_two_presses_take_one_case(moderator: User, sign_in: SignIn) -> None:
    first, second = stories.coach(children=5), stories.coach()
    page = sign_in(moderator)
    with landing(page):
        page.get_by_role("button", name="Start reviewing").dblclick()

    expect(page.get_by_role("heading", level=1)).to_have_text(first.reference)
    second.refresh_from_db()
    assert second.state == State.OPEN
    assert Entry.objects.filter(verb="case.claim").count() == 1


def test_after_a_decision_the_next_case_is_one_key_away(moderator: User, sign_in: SignIn) -> None:
    decided, waiting = factories.dismissed(moderator), stories.coach()
    page = sign_in(moderator)
    page.goto(f"/cases/{decided.reference}/")
    with landing(page):
        page.keyboard.press("n")

    expect(page.get_by_role("heading", level=1)).to_have_text(waiting.reference)
    expect(page.get_by_role("button", name="Take the next case")).to_have_count(0)


def test_rows_are_ticked_counted_and_decided_together_by_key(
    moderator: User, sign_in: SignIn
) -> None:
    stories.coach(), stories.coach()
    page = sign_in(moderator)
    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    together = page.get_by_role("button", name="Decide the ticked together")
    expect(together).to_contain_text("(2)")
    expect(page.get_by_role("status")).to_have_text("2 ticked")
    with landing(page):
        page.keyboard.press("b")
    expect(page.get_by_role("heading", level=1)).to_have_text("Decide 2 cases together")


def test_the_arrow_goes_from_the_search_to_what_was_found(moderator: User, sign_in: SignIn) -> None:
    case = stories.coach()
    page = sign_in(moderator)
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name=case.reference)).to_be_focused()


def test_a_column_of_the_timeline_is_told_by_key(moderator: User, sign_in: SignIn) -> None:
    """Where there are too many children for a line each, columns count them."""
    case = stories.crowd(90)
    page = sign_in(moderator)
    page.goto(f"/cases/{case.reference}/")
    page.get_by_role("region", name="Timeline").focus()
    page.keyboard.press("ArrowDown")

    told = re.compile(r"^from 2 Mar 2026: \d+ first contacts, \d+ accepted, \d+ refused$")
    expect(page.locator("#timeline-detail")).to_have_text(told)
    expect(page.locator("#status")).to_have_text(told)
    refused = page.locator(".timeline .tl-bar--refused").first
    expect(refused).to_have_attribute("fill", "url(#hatch)")


def test_forced_colours_draw_the_pictures_whatever_the_chosen_theme(
    moderator: User, sign_in: SignIn
) -> None:
    case = stories.coach()
    User.objects.filter(pk=moderator.pk).update(theme="light")
    page = sign_in(moderator)
    page.emulate_media(forced_colors="active", color_scheme="dark")
    page.goto(f"/cases/{case.reference}/")

    drawn, text = page.evaluate(
        """() => {
          const probe = document.body.appendChild(document.createElement("i"));
          probe.className = "net-ego";
          const of = (name) => getComputedStyle(document.querySelector(name));
          return [of(".net-ego circle").stroke, getComputedStyle(document.body).color];
        }"""
    )
    assert drawn == text


def test_where_keys_are_off_the_decision_is_two_tabs_away(moderator: User, sign_in: SignIn) -> None:
    case = factories.held(moderator)
    User.objects.filter(pk=moderator.pk).update(keyboard_shortcuts=False)
    page = sign_in(moderator)
    page.goto(f"/cases/{case.reference}/")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the decision")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#lease-extend")).to_be_focused()


def test_only_a_decision_is_called_dismiss(moderator: User, sign_in: SignIn) -> None:
    """The alert that says what was done is closed: a second "Dismiss" would be read as another."""
    case = factories.held(moderator)
    page = sign_in(moderator)
    page.goto(f"/cases/{case.reference}/?do=dismiss")
    page.get_by_label("Family of the children").check()
    page.locator("#dismiss_note").fill("Their uncle.")
    with landing(page):
        page.get_by_role("button", name="Dismiss", exact=True).click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(f"{case.reference} is dismissed.")
    expect(page.get_by_role("button", name="Dismiss")).to_have_count(0)
    alert.get_by_role("button", name="Close").click()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
