"""axe on the states of a case: everything open, refused, revealed, out of time, failed; 320 px."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.shortcuts import render
from django.test import RequestFactory
from playwright.sync_api import Page, Route, expect

from audit.actors import Actor
from config import errors
from moderation.services import claims
from staff.models import User
from tests.browser.conftest import SignIn, landing
from tests.browser.test_axe import LOOKS, PICTURES, check
from tests.moderation import factories
from tests.pages import stories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NARROWEST = (("light", 320), *LOOKS)
_OPEN_ALL = "() => document.querySelectorAll('main details').forEach((it) => { it.open = true; })"
_LOST = """() => document.dispatchEvent(
  new CustomEvent("htmx:sendError", { detail: { elt: document.body } })
)"""
_REFUSED = ".error-summary"


@pytest.fixture(autouse=True)
def _folder() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)


def _see(page: Page, name: str) -> None:
    page.evaluate("scrollTo(0, 0)")  # what the bar covers half when scrolled is no small target
    check(page, name, NARROWEST)


def _refused(page: Page, opened: str, button: str, name: str) -> None:
    """The form below ``opened``, sent as it came."""
    page.locator(f"{opened} > summary").click()
    page.locator(opened).get_by_role("button", name=button, exact=True).click()
    expect(page.locator(_REFUSED)).to_be_focused()
    _see(page, name)


def test_what_the_holder_of_a_case_can_meet(moderator: User, sign_in: SignIn) -> None:
    case = stories.coach(children=14)
    claims.claim(actor=Actor.of_user(moderator), case_id=case.pk)
    page = sign_in(moderator)
    url = f"/cases/{case.reference}/"
    page.goto(url)
    page.evaluate(_OPEN_ALL)
    for rows in ("#rows-no_mutuals", "#contact-rows"):
        expect(page.locator(rows)).to_be_visible()
    page.get_by_role("region", name="Network").focus()
    page.keyboard.press("ArrowDown")
    page.locator("#lease").evaluate("(it) => { it.dataset.state = 'soon'; }")
    _see(page, "case-everything-open")

    for opened, button, name in (
        ("#do-monitor", "Monitor", "case-monitor-refused"),
        ("#do-escalate", "Escalate", "case-escalate-refused"),
        ("#do-note", "Save the note", "case-note-refused"),
        ("#do-reveal", "Reveal the names", "case-reveal-refused"),
    ):
        page.goto(url)
        if button == "Monitor":
            page.locator("#monitor_until").evaluate("(it) => { it.value = ''; }")
        _refused(page, opened, button, name)
    page.locator("#do-reveal input[type=radio]").first.check()
    with landing(page):
        page.get_by_role("button", name="Reveal the names").click()
    page.goto(f"{url}?contacts=1")
    expect(page.locator("#revealed")).to_be_visible()
    page.evaluate(_LOST)
    _see(page, "case-names-shown-and-server-lost")

    page.keyboard.press("Control+k")
    page.keyboard.type(case.reference)
    expect(page.locator("[data-hit]").first).to_be_visible()
    _see(page, "case-palette-with-results")
    page.goto(url)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    _see(page, "case-help-sheet")

    page.goto(f"{url}?do=dismiss")
    page.get_by_label("Family of the children").check()
    page.locator("#dismiss_note").fill("Their uncle.")
    with landing(page):
        page.get_by_role("button", name="Dismiss", exact=True).click()
    _see(page, "case-dismissed-to-undo")


def test_what_a_supervisor_can_meet(moderator: User, supervisor: User, sign_in: SignIn) -> None:
    held = claims.claim(actor=Actor.of_user(moderator), case_id=stories.coach(children=14).pk)
    case = factories.escalate(moderator, held)
    page = sign_in(supervisor)
    url = f"/cases/{case.reference}/"
    for decision, button in (
        ("refer", "Continue"),
        ("return", "Return"),
        ("dismiss_escalation", "Dismiss"),
    ):
        page.goto(url)
        _refused(page, f"#do-{decision}", button, f"case-{decision}-refused")
    page.goto(f"{url}?do=refer")
    page.get_by_label("Why you refer it").fill("I agree.")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Your password").fill("wrong")
    page.get_by_role("button", name="Refer to the police").click()
    expect(page.locator(".field-error")).to_be_visible()
    _see(page, "refer-confirm-wrong-password")


def test_what_everybody_can_meet(moderator: User, sign_in: SignIn) -> None:
    """Pages of failures that a healthy server does not give, at an address of their own."""
    page = sign_in(moderator)
    request = RequestFactory().get("/")
    request.user = moderator
    too_many = render(request, "429.html", status=429)
    pages = {
        "error-400": errors.bad_request(request),
        "error-413": errors.too_large(request),
        "error-429": too_many,
        "error-500": errors.server_error(request),
    }
    for name, answer in pages.items():
        page.route(f"**/{name}/", _answering(answer))
        page.goto(f"/{name}/")
        _see(page, name)


def _answering(answer: HttpResponse) -> Callable[[Route], None]:
    # 200 to the browser: it logs every other as a failed load, which is no fault here
    body = answer.content.decode()
    return lambda route: route.fulfill(status=200, content_type="text/html", body=body)
