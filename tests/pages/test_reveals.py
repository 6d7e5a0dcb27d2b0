"""The names of a case's children on its page: hidden, revealed with a reason, hidden again."""

from __future__ import annotations

import logging
from datetime import date

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case, Reveal
from moderation.services import claims
from staff.models import User
from tests.moderation import factories
from tests.pages import stories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
NAMES = ("Name Of First", "Name Of Second")


def test_names_appear_after_a_reason_and_only_then(
    moderator: User, signed_in: SignedIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    case, browser = _held(moderator), signed_in(moderator)
    for query in ("", "?contacts=1", "?evidence=no_mutuals", "?do=reveal"):
        assert not _names_in(browser.get(_url(case) + query).content.decode())

    answer = browser.post(f"{_url(case)}reveal/", {"reason": "know_each_other"})

    assert (answer.status_code, answer["Location"]) == (303, f"{_url(case)}?contacts=1#people")
    response = browser.get(f"{_url(case)}?contacts=1")
    assert response["Cache-Control"] == "no-store"
    page = Seen(response)
    first = Account.objects.get(display_name=NAMES[0])
    assert f"Child A, 13–15 {NAMES[0]} {first.account_id} 15 Jan 2012 self-declared" in page.text
    assert "To see whether they are family" in page.text
    # Adults around the account stay without a name
    assert "Name Of Friend" not in page.text
    assert not _names_in(browser.get("/queue/").content.decode())
    entry = Entry.objects.get(verb="case.reveal")
    assert entry.target == f"case:{case.reference}"
    assert not _names_in(caplog.text)


def test_the_table_that_htmx_asks_for_has_them_too(moderator: User, signed_in: SignedIn) -> None:
    case, browser = _held(moderator), signed_in(moderator)

    assert not _names_in(_table(browser, case))
    browser.post(f"{_url(case)}reveal/", {"reason": "check_age"})

    assert set(_names_in(_table(browser, case))) == set(NAMES)


def test_names_stay_in_the_session_that_asked(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    case, browser = _held(moderator), signed_in(moderator)
    browser.post(f"{_url(case)}reveal/", {"reason": "check_age"})

    for other in (signed_in(moderator), signed_in(moderator2)):
        assert not _names_in(_table(other, case))


def test_names_go_with_their_time_and_with_the_hold(moderator: User, signed_in: SignedIn) -> None:
    case, browser = _held(moderator), signed_in(moderator)
    browser.post(f"{_url(case)}reveal/", {"reason": "check_age"})
    claims.release(actor=Actor.of_user(moderator), case_id=case.pk)
    assert not _names_in(_table(browser, case))
    claims.claim(actor=Actor.of_user(moderator), case_id=case.pk)
    assert not _names_in(_table(browser, case))

    browser.post(f"{_url(case)}reveal/", {"reason": "check_age"})
    assert _names_in(_table(browser, case))
    shown = Reveal.objects.latest("pk")
    Reveal.objects.filter(pk=shown.pk).update(ends_at=max(shown.at, timezone.now()))
    assert not _names_in(_table(browser, case))


def test_names_are_hidden_again_by_a_button(moderator: User, signed_in: SignedIn) -> None:
    case, browser = _held(moderator), signed_in(moderator)
    browser.post(f"{_url(case)}reveal/", {"reason": "check_age"})
    assert f"{_url(case)}conceal/" in Seen(browser.get(_url(case))).actions

    browser.post(f"{_url(case)}conceal/")

    assert not _names_in(_table(browser, case))
    assert f"{_url(case)}reveal/" in Seen(browser.get(_url(case))).actions


def test_without_a_reason_nothing_is_revealed(moderator: User, signed_in: SignedIn) -> None:
    case, browser = _held(moderator), signed_in(moderator)

    response = browser.post(f"{_url(case)}reveal/", {"note": "please"})

    assert response.status_code == 422
    assert "Choose why you need the names." in Seen(response).text
    assert "<title>Error: " in response.content.decode()
    assert not Entry.objects.filter(verb="case.reveal").exists()


def test_a_case_in_other_hands_reveals_nothing(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    case, browser = _held(moderator2), signed_in(moderator)
    assert f"{_url(case)}reveal/" not in Seen(browser.get(_url(case))).actions

    response = browser.post(f"{_url(case)}reveal/", {"reason": "check_age"})

    assert response.status_code == 409
    assert "is not in your hands" in Seen(response).text
    assert not Reveal.objects.exists()


def test_a_flagged_child_is_a_child(moderator: User, signed_in: SignedIn) -> None:
    today = timezone.localdate()
    child = factories.account(
        display_name="Name Of Flagged", birth_date=date(today.year - 14, 1, 1)
    )
    case, browser = factories.held(moderator, child), signed_in(moderator)

    page = Seen(browser.get(_url(case)))
    assert "Name Of Flagged" not in page.text
    assert "Recorded age 13–15" in page.text

    browser.post(f"{_url(case)}reveal/", {"reason": "check_age"})
    page = Seen(browser.get(_url(case)))
    assert "Name Of Flagged" in page.text
    assert "Recorded age 14" in page.text


def _held(who: User) -> Case:
    case = stories.coach(children=4)
    return claims.claim(actor=Actor.of_user(who), case_id=case.pk)


def _table(browser: Client, case: Case) -> str:
    return browser.get(f"{_url(case)}?contacts=1", headers=HTMX).content.decode()


def _names_in(text: str) -> list[str]:
    return [name for name in NAMES if name in text]


def _url(case: Case) -> str:
    return f"/cases/{case.reference}/"
