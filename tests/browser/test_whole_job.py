"""The whole job in a browser, each person by keyboard as far as keys go."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from audit.models import Entry
from moderation.domain.transitions import State
from moderation.models import Case
from staff.models import User
from tests.browser.conftest import SignIn, landing
from tests.conftest import PASSWORD
from tests.moderation import factories
from tests.pages import stories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_from_the_queue_to_the_police_and_into_the_trail(
    moderator: User, supervisor: User, auditor: User, sign_in: SignIn
) -> None:
    case = stories.coach(children=5)

    # A moderator takes the case, sees why, opens what is behind it, and escalates
    page = sign_in(moderator)
    expect(page.get_by_role("heading", level=1)).to_have_text("Queue")
    with landing(page):
        page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_have_text(case.reference)
    expect(page.locator("#lease")).to_contain_text("left.")
    sentence = page.locator("#reason-no_mutuals")
    expect(sentence).to_contain_text("4 of 5 first contacts with under-16s")
    sentence.locator("summary").press("Enter")
    expect(sentence.get_by_role("row", name="A, 13–15")).to_be_visible()
    expect(page.get_by_role("img", name="Who is around the account")).to_be_visible()

    page.locator("h1").focus()
    page.keyboard.press("e")
    expect(page.get_by_label("Critical: within 4 hours")).to_be_focused()
    page.get_by_label("Summary").press("Control+Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("Choose how grave this is.")
    page.get_by_label("Critical: within 4 hours").check()
    page.get_by_label("Summary").fill("Contacts a class of children whom nobody knows.")
    with landing(page):
        page.get_by_label("Summary").press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("is with the supervisors")
    case.refresh_from_db()
    assert (case.state, case.severity) == (State.ESCALATED, "critical")

    # A supervisor reads the reasoning and refers
    page = sign_in(supervisor)
    expect(page.get_by_role("heading", level=1)).to_have_text("Escalations")
    expect(page.get_by_text("Contacts a class of children whom nobody knows.")).to_be_visible()
    page.keyboard.press("j")
    with landing(page):
        page.keyboard.press("o")
    page.keyboard.press("f")
    expect(page.get_by_label("Why you refer it")).to_be_focused()
    page.keyboard.type("The pattern and the reports agree.")
    with landing(page):
        page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("to the police?")
    with landing(page):
        page.get_by_label("Your password").fill("not it")
        page.get_by_role("button", name="Refer to the police").click()
    expect(page.get_by_text("The password is wrong.")).to_be_visible()
    expect(page.get_by_label("Your password")).to_be_focused()
    with landing(page):
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Refer to the police").click()
    expect(page.get_by_role("row", name=case.reference)).to_contain_text("Sam Field")
    case.refresh_from_db()
    assert case.state == State.REFERRED
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text(case.reference)

    # An auditor finds all of it
    said = set(Entry.objects.filter(target=f"case:{case.reference}").values_list("verb", flat=True))
    assert {"case.open", "case.claim", "case.escalate", "case.refer"} <= said
    page = sign_in(auditor)
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit trail")
    for phrase in ("claimed the case", "escalated the case", "referred the case to the police"):
        expect(page.get_by_role("row", name=phrase)).to_contain_text(case.reference)


def test_a_routine_dismissal_takes_few_keys(moderator: User, sign_in: SignIn) -> None:
    case = stories.coach()
    page = sign_in(moderator)

    with landing(page):
        page.keyboard.press("n")
    page.keyboard.press("d")
    expect(page.get_by_label("Family of the children")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("Their uncle.")
    with landing(page):
        page.keyboard.press("Control+Enter")

    expect(page.get_by_role("alert")).to_contain_text(f"{case.reference} is dismissed.")


def test_a_lost_race_is_told_in_the_row_and_the_next_is_one_button_away(
    moderator: User, moderator2: User, sign_in: SignIn
) -> None:
    first, second = stories.coach(), stories.coach()
    page, rival = sign_in(moderator), sign_in(moderator2)

    rival.locator(f"#case-{first.pk}").get_by_role("button", name="Claim").click()
    expect(rival.locator(f"#case-{first.pk}")).to_contain_text("You hold it until")
    expect(rival.get_by_role("link", name="Held by me")).to_contain_text("1")
    page.locator(f"#case-{first.pk}").get_by_role("button", name="Claim").click()

    notice = page.locator(f"#case-{first.pk}")
    expect(notice).to_contain_text("Max Okafor has been reviewing")
    expect(notice).to_be_focused()
    expect(page.get_by_role("status")).to_have_text("Max Okafor has this case already.")
    with landing(page):
        notice.get_by_role("button", name="Take the next case").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(second.reference)


def test_filtering_swaps_the_list_says_so_and_keeps_the_address(
    moderator: User, sign_in: SignIn
) -> None:
    case = stories.coach(account_id="zed-1")
    stories.coach()
    page = sign_in(moderator)

    page.keyboard.press("/")
    page.keyboard.type("zed")

    expect(page.get_by_role("status")).to_have_text("1 case")
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.get_by_label("Reference or account identifier")).to_be_focused()
    assert page.url.endswith("/queue/?q=zed")
    page.reload()
    expect(page.locator("[data-row]")).to_contain_text(case.reference)
    page.get_by_label("Kind").select_option("age_check")
    expect(page.get_by_role("heading", name="No case fits")).to_be_visible()
    page.go_back()
    expect(page.locator("[data-row]")).to_contain_text(case.reference)
    assert page.url.endswith("/queue/?q=zed")


def test_new_cases_are_offered_and_move_no_row(moderator: User, sign_in: SignIn) -> None:
    first = stories.coach()
    page = sign_in(moderator)
    stories.coach(children=30)
    page.locator("[data-poll]").evaluate("element => { element.dataset.poll = '1' }")

    offer = page.get_by_role("link", name="1 new · show")
    expect(offer).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("1 new")
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.locator("[data-row]")).to_contain_text(first.reference)
    with landing(page):
        offer.click()
    expect(page.locator("[data-row]")).to_have_count(2)


def test_a_hold_runs_down_in_sight_and_can_be_extended(moderator: User, sign_in: SignIn) -> None:
    case = factories.held(moderator)
    soon = timezone.now() + timedelta(seconds=100)
    Case.objects.filter(pk=case.pk).update(lease_expires_at=soon)
    page = sign_in(moderator)
    page.goto(f"/cases/{case.reference}/")

    expect(page.get_by_role("status")).to_contain_text("Less than three minutes left")
    expect(page.locator("[data-countdown]")).to_have_text(re.compile(r"^1:\d\d$"))
    page.get_by_role("button", name="Extend").click()
    expect(page.locator("[data-countdown]")).to_have_text(re.compile(r"^(20:00|19:\d\d)$"))
    expect(page.get_by_role("button", name="Extend")).to_be_focused()


def test_keys_stay_out_of_fields_and_can_be_turned_off(moderator: User, sign_in: SignIn) -> None:
    stories.coach()
    page = sign_in(moderator)

    page.get_by_label("Reference or account identifier").fill("")
    page.keyboard.type("n?")
    expect(page.get_by_label("Reference or account identifier")).to_have_value("n?")
    assert page.url.startswith(_at(page, "/queue/"))

    page.goto("/queue/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("n")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.url == _at(page, "/queue/")

    User.objects.filter(pk=moderator.pk).update(keyboard_shortcuts=False)
    page.reload()
    page.keyboard.press("n")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.url == _at(page, "/queue/")


def _at(page: Page, path: str) -> str:
    return "/".join(page.url.split("/")[:3]) + path
