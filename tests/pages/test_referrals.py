"""Approving a referral, following it, and the police hold: the pages of supervisors."""

from __future__ import annotations

from typing import Any

import pytest

from moderation.models import Case, PoliceHold, Referral
from staff.models import User
from tests.conftest import PASSWORD
from tests.moderation import factories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db


def _url(case: Case, page: str = "referrals") -> str:
    return f"/{page}/{case.reference}/"


# -- Approval ------------------------------------------------------------------------------------


def test_approval_shows_what_is_missing_and_asks_for_the_password(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.escalated(moderator)
    browser = signed_in(supervisor)
    url = f"{_url(case, 'cases')}refer/"
    data = {"version": case.version, "note": "I agree."}

    confirm = Seen(browser.post(url, data, follow=True))
    assert "This report may not be routed as it is." in confirm.text
    assert "Needed: region of the account." in confirm.text
    assert "Your password" in confirm.text
    for password, says in (("", "Enter your password"), ("wrong", "The password is wrong.")):
        sent = data | {"confirmed": "1", "password": password}
        refused = browser.post(url, sent, follow=True)
        assert refused.redirect_chain == [(f"{url}?version={case.version}", 303)]
        assert refused.status_code == 422
        assert says in Seen(refused).text
        assert "I agree." in refused.content.decode()
        again = browser.get(f"{url}?version={case.version}")
        assert (again.status_code, says in Seen(again).text) == (200, False)
    case.refresh_from_db()
    assert case.state == "escalated"

    browser.post(url, data | {"confirmed": "1", "password": PASSWORD})
    case.refresh_from_db()
    assert case.state == "referred"


def test_approval_says_what_ncmec_would_refuse_while_it_can_be_set_right(
    moderator: User, supervisor: User, signed_in: SignedIn, settings: Any
) -> None:
    case = factories.escalated(moderator)
    browser = signed_in(supervisor)
    url = f"{_url(case, 'cases')}refer/"
    data = {"version": case.version, "note": "I agree."}
    told = "The report is not ready for NCMEC"

    settings.PLATFORM_NAME, settings.REPORTER_EMAIL = settings.UNNAMED_PLATFORM, ""
    said = Seen(browser.post(url, data, follow=True)).text
    assert told in said
    assert "Not set: SIGHTLINE_PLATFORM_NAME, SIGHTLINE_REPORTER_EMAIL." in said
    settings.PLATFORM_NAME, settings.REPORTER_EMAIL = "Example Social", "desk at example"
    said = Seen(browser.post(url, data, follow=True)).text
    assert "email must be" in said
    assert "desk at example" not in said
    settings.REPORTER_EMAIL = "desk@example.com"
    assert told not in Seen(browser.post(url, data, follow=True)).text


def test_back_after_the_approval_leads_to_the_case_and_offers_no_second_one(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.escalated(moderator)
    browser = signed_in(supervisor)
    url = f"{_url(case, 'cases')}refer/"
    data = {"version": case.version, "note": "I agree."}
    confirm = f"{url}?version={case.version}"
    assert browser.post(url, data).headers["location"] == confirm
    assert "I agree." in Seen(browser.get(confirm)).text
    assert "note" not in confirm, "what somebody wrote stands in no address"
    browser.post(url, data | {"confirmed": "1", "password": PASSWORD})
    back = browser.get(confirm, follow=True)
    assert back.redirect_chain == [(f"{_url(case, 'cases')}?do=refer", 302)]
    assert "Referred to the police" in Seen(back).text
    for version in ("", "x", "99"):
        assert browser.get(url, {"version": version}).status_code == 302


def test_each_approval_asks_for_the_password(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    browser = signed_in(supervisor)
    for given, state in ((PASSWORD, "referred"), ("", "escalated"), (PASSWORD, "referred")):
        case = factories.escalated(moderator)
        data = {"version": case.version, "note": "I agree.", "confirmed": "1", "password": given}
        browser.post(f"{_url(case, 'cases')}refer/", data)
        case.refresh_from_db()
        assert case.state == state


def test_what_was_confirmed_outlasts_an_approval_that_was_refused(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    browser = signed_in(supervisor)
    case = factories.escalated(moderator)
    data = {"version": case.version, "note": "I agree.", "confirmed": "1"}
    url = f"{_url(case, 'cases')}refer/"
    stale = browser.post(url, data | {"version": case.version - 1, "password": PASSWORD})
    assert stale.status_code == 409
    browser.post(url, data)
    case.refresh_from_db()
    assert case.state == "referred"


def test_another_person_s_password_confirms_nothing(
    moderator: User, supervisor: User, supervisor2: User, signed_in: SignedIn
) -> None:
    supervisor.set_password("another long password of mine")
    supervisor.save()
    case = factories.escalated(moderator)
    data = {"version": case.version, "note": "I agree.", "confirmed": "1", "password": PASSWORD}
    refused = signed_in(supervisor).post(f"{_url(case, 'cases')}refer/", data, follow=True)
    assert refused.status_code == 422
    assert "The password is wrong." in Seen(refused).text
    assert not Referral.objects.exists()


# -- On its way ----------------------------------------------------------------------------------


def test_a_supervisor_records_each_step(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.referred(moderator, supervisor)
    browser = signed_in(supervisor)
    url = _url(case)
    assert f"{url}send/" in Seen(browser.get(url)).actions

    refused = browser.post(f"{url}send/", {"destination": "nca"})
    assert refused.status_code == 422
    assert "Write the number that the receiver gave." in Seen(refused).text
    sent = browser.post(f"{url}send/", {"destination": "nca", "receipt": "N-1"}, follow=True)
    assert "It is recorded as sent." in Seen(sent).text
    assert "National Crime Agency, portal form" in Seen(sent).text
    again = browser.post(f"{url}send/", {"destination": "nca", "receipt": "N-2"}, follow=True)
    assert "as number N-1" in Seen(again).text
    browser.post(f"{url}acknowledge/", {"answer": "Officer 12 has it."})
    page = browser.post(
        f"{url}outcome/", {"outcome": "arrest", "note": "Their letter."}, follow=True
    )
    assert "Arrest or charge Their letter." in Seen(page).text
    assert browser.post(f"{url}outcome/", {"outcome": "arrest"}).status_code == 422
    assert browser.post(f"{url}explode/").status_code == 404
    assert Referral.objects.get().state == "acknowledged"


def test_a_moderator_reads_it_and_records_nothing(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.referred(moderator, supervisor)
    browser = signed_in(moderator)
    page = Seen(browser.get(_url(case)))
    assert "Approved by Sam Field" in page.text
    assert not [a for a in page.actions if a.startswith(_url(case))]
    data = {"destination": "nca", "receipt": "N-1"}
    assert browser.post(f"{_url(case)}send/", data).status_code == 403
    other = factories.case()
    assert browser.get(_url(other))["Location"] == _url(other, "cases")


# -- Police hold ---------------------------------------------------------------------------------


def test_a_hold_is_set_shown_and_lifted(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.referred(moderator, supervisor)
    browser = signed_in(supervisor)
    url = f"{_url(case, 'cases')}hold/"

    assert browser.post(url, {"step": "set", "reason": " "}).status_code == 422
    page = browser.post(url, {"step": "set", "reason": "Asked by DC Hill."}, follow=True)
    assert "The police hold on this account stands." in Seen(page).text
    assert "Asked by DC Hill." in Seen(page).text
    assert "A police hold stands" in Seen(browser.get(_url(case))).text
    twice = browser.post(url, {"step": "set", "reason": "Again."}, follow=True)
    assert "stands on the account" in Seen(twice).text
    browser.post(url, {"step": "lift", "reason": "It is over."})
    assert "A police hold stands" not in Seen(browser.get(_url(case))).text
    assert PoliceHold.objects.get().lift_reason == "It is over."


def test_a_moderator_sets_no_hold(moderator: User, signed_in: SignedIn) -> None:
    case = factories.case()
    response = signed_in(moderator).post(f"{_url(case, 'cases')}hold/", {"reason": "x"})
    assert response.status_code == 403
    assert not PoliceHold.objects.exists()
