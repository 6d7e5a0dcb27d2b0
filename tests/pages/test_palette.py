"""Going anywhere by what one pastes: by permission, as a page and as a dialog's part."""

from __future__ import annotations

import pytest

from staff.models import User
from tests.moderation import factories
from tests.pages import stories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def test_a_case_is_found_by_whatever_names_it(moderator: User, signed_in: SignedIn) -> None:
    case = stories.coach(account_id="flagged-77")
    event = case.assessment.evidence.first().event  # type: ignore[union-attr]  # it has rows
    assert event is not None
    browser, number = signed_in(moderator), str(int(case.reference[-6:]))

    for text in (case.reference, case.reference.lower(), number, "flagged-77", event.event_id):
        page = Seen(browser.get("/go/", {"q": f" {text} "}))
        assert f"/cases/{case.reference}/" in page.links, text
        part = browser.get("/go/", {"q": text}, headers=HTMX)
        assert f"/cases/{case.reference}/" in Seen(part).links
        assert "<html" not in part.content.decode()


def test_a_child_s_account_leads_nowhere(moderator: User, signed_in: SignedIn) -> None:
    case = stories.coach()
    child = case.assessment.evidence.first().target  # type: ignore[union-attr]  # it has rows
    assert child is not None

    page = Seen(signed_in(moderator).get("/go/", {"q": child.account_id}))

    assert "Nothing that you may open is called" in page.text


def test_nobody_is_led_where_they_may_not_go(
    moderator: User, admin: User, auditor: User, signed_in: SignedIn
) -> None:
    case, run = factories.case(), factories.run()

    for person in (admin, auditor):
        page = Seen(signed_in(person).get("/go/", {"q": case.reference}))
        assert f"/cases/{case.reference}/" not in page.links
    assert f"/runs/{run.pk}/" in Seen(signed_in(admin).get("/go/", {"q": str(run.pk)})).links
    page = Seen(signed_in(moderator).get("/go/", {"q": str(run.pk)}))
    assert f"/runs/{run.pk}/" not in page.links


def test_pages_and_actions_are_found_by_their_words(moderator: User, signed_in: SignedIn) -> None:
    browser = signed_in(moderator)

    page = Seen(browser.get("/go/"))
    assert {"/queue/", "/referrals/", "/preferences/", "/help/"} <= set(page.links)
    assert "/queue/start/" in page.actions
    assert "/staff/" not in page.links
    page = Seen(browser.get("/go/", {"q": "referr"}, headers=HTMX))
    assert page.links == ["/referrals/"]


@pytest.mark.parametrize("text", ["\x00", "'; --", "9" * 300, "<b>", "²"])
def test_odd_text_finds_nothing_and_breaks_nothing(
    moderator: User, signed_in: SignedIn, text: str
) -> None:
    response = signed_in(moderator).get("/go/", {"q": text})
    assert response.status_code == 200
    assert "<b>" not in response.content.decode()
