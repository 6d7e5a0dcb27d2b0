"""Deciding on the case page, as a browser without script does it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from moderation.domain.transitions import State
from moderation.models import Case, Decision
from moderation.services import claims
from staff.models import User
from tests.conftest import PASSWORD
from tests.moderation import factories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
NOTE = "Runs the swimming club that all of them belong to."


def test_nobody_decides_without_holding_the_case(moderator: User, signed_in: SignedIn) -> None:
    case = factories.case()
    browser = signed_in(moderator)

    page = Seen(browser.get(_url(case)))
    assert "Nobody holds this case." in page.text
    assert [a for a in page.actions if a.startswith(_url(case))] == [
        f"{_url(case)}claim/",
        f"{_url(case)}note/",
    ]

    response = browser.post(f"{_url(case)}dismiss/", _dismissal(case))
    assert response.status_code == 409
    case.refresh_from_db()
    assert case.state == State.OPEN


def test_the_page_says_who_holds_the_case(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator2)
    until = f"{case.lease_expires_at:%H:%M}"

    page = Seen(signed_in(moderator).get(_url(case)))

    assert f"Held by Max Okafor until {until}." in page.text
    assert [a for a in page.actions if a.startswith(_url(case))] == [f"{_url(case)}note/"]


def test_claim_then_dismiss(moderator: User, signed_in: SignedIn) -> None:
    case = factories.case()
    browser = signed_in(moderator)

    browser.post(f"{_url(case)}claim/")
    page = Seen(browser.get(_url(case)))
    assert {f"{_url(case)}{verb}/" for verb in ("dismiss", "monitor", "escalate")} <= set(
        page.actions
    )
    case.refresh_from_db()
    response = browser.post(f"{_url(case)}dismiss/", _dismissal(case), follow=True)

    assert response.redirect_chain == [(_url(case), 303)]
    page = Seen(response)
    assert f"{case.reference} is dismissed." in page.text
    assert "Reason: Works with the children: school, club or team" in page.text
    assert NOTE in page.text
    case.refresh_from_db()
    assert case.state == State.DISMISSED
    assert Entry.objects.filter(verb="case.dismiss", target=f"case:{case.reference}").exists()


def test_decide_and_next_opens_the_next_case(moderator: User, signed_in: SignedIn) -> None:
    case, waiting = factories.held(moderator), factories.case()
    browser = signed_in(moderator)

    response = browser.post(f"{_url(case)}dismiss/", _dismissal(case) | {"next": "1"})
    assert (response.status_code, response["Location"]) == (303, _url(waiting))
    waiting.refresh_from_db()
    assert waiting.holder == moderator

    response = browser.post(
        f"{_url(waiting)}dismiss/", _dismissal(waiting) | {"next": "1"}, follow=True
    )
    assert "Nothing else is open." in Seen(response).text


def test_a_decision_without_reason_or_note_names_both(moderator: User, signed_in: SignedIn) -> None:
    case = factories.held(moderator)
    browser = signed_in(moderator)

    for headers in ({}, HTMX):
        response = browser.post(
            f"{_url(case)}dismiss/", {"version": case.version, "note": " "}, headers=headers
        )
        assert response.status_code == 422
        page = Seen(response)
        assert "There is a problem" in page.text
        assert "Choose the reason for the dismissal." in page.text
        assert "Say why, in a sentence or two." in page.text
        assert {"#dismiss_reason_0", "#dismiss_note"} <= set(page.links)
    assert "<title>Error: " in browser.post(f"{_url(case)}dismiss/", {}).content.decode()
    case.refresh_from_db()
    assert case.state == State.IN_REVIEW


def test_what_the_service_refuses_appears_beside_the_field(
    moderator: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator)

    response = signed_in(moderator).post(
        f"{_url(case)}monitor/",
        {"version": case.version, "until": timezone.localdate().isoformat(), "note": NOTE},
    )

    assert response.status_code == 422
    page = Seen(response)
    assert "Choose a date after today." in page.text
    assert NOTE in page.text


def test_monitor(moderator: User, signed_in: SignedIn) -> None:
    case = factories.held(moderator)
    until = timezone.localdate() + timedelta(days=30)

    response = signed_in(moderator).post(
        f"{_url(case)}monitor/",
        {"version": case.version, "until": until.isoformat(), "note": NOTE},
        follow=True,
    )

    page = Seen(response)
    assert f"{case.reference} is monitored until {until:%-d %b %Y}." in page.text
    assert f"Being monitored until {until:%-d %b %Y}" in page.text


def test_a_stale_page_decides_nothing_and_keeps_what_was_written(
    moderator: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator)
    browser, before = signed_in(moderator), case.version
    claims.release(actor=Actor.of_user(moderator), case_id=case.pk)
    claims.claim(actor=Actor.of_user(moderator), case_id=case.pk)

    response = browser.post(f"{_url(case)}dismiss/", _dismissal(case) | {"version": before})

    assert response.status_code == 409
    page = Seen(response)
    assert "has changed since you opened it" in page.text
    assert NOTE in page.text
    case.refresh_from_db()
    assert case.state == State.IN_REVIEW
    # The form that is shown again names the version that is on the screen now
    assert f'name="version" value="{case.version}"' in response.content.decode()


def test_a_lapsed_hold_keeps_what_was_written_and_offers_to_claim_again(
    moderator: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator)
    past = timezone.now() - timedelta(minutes=1)
    Case.objects.filter(pk=case.pk).update(lease_expires_at=past)

    response = signed_in(moderator).post(f"{_url(case)}dismiss/", _dismissal(case))

    assert response.status_code == 409
    page = Seen(response)
    assert "Your hold on" in page.text
    assert NOTE in page.text
    assert f"{_url(case)}claim/" in page.actions


def test_extend_and_release(moderator: User, signed_in: SignedIn) -> None:
    case = factories.held(moderator)
    soon = timezone.now() + timedelta(minutes=2)
    Case.objects.filter(pk=case.pk).update(lease_expires_at=soon)
    browser = signed_in(moderator)

    assert browser.post(f"{_url(case)}renew/")["Location"] == _url(case)
    case.refresh_from_db()
    assert case.lease_expires_at is not None
    assert case.lease_expires_at > soon + timedelta(minutes=10)
    assert 'id="lease"' in browser.post(f"{_url(case)}renew/", headers=HTMX).content.decode()

    response = browser.post(f"{_url(case)}release/", follow=True)
    assert f"{case.reference} is back in the queue." in Seen(response).text
    case.refresh_from_db()
    assert case.state == State.OPEN


def test_a_supervisor_puts_a_held_case_back_and_nobody_else_is_offered_it(
    moderator: User, moderator2: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator)
    url = f"{_url(case)}put-back/"
    for other in (moderator, moderator2):
        browser = signed_in(other)
        assert url not in Seen(browser.get(_url(case))).actions
        assert browser.post(url).status_code == 403
    browser = signed_in(supervisor)
    assert url in Seen(browser.get(_url(case))).actions
    response = browser.post(url, follow=True)
    assert f"{case.reference} is back in the queue." in Seen(response).text
    assert url not in Seen(response).actions
    case.refresh_from_db()
    assert case.state == State.OPEN
    assert "is open" in Seen(browser.post(url, follow=True)).text


def test_a_note_is_left_by_anyone_who_reviews(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator2)
    browser = signed_in(moderator)

    assert browser.post(f"{_url(case)}note/", {"text": ""}).status_code == 422
    response = browser.post(f"{_url(case)}note/", {"text": "Same school as before."}, follow=True)

    assert "Note Mo Reyes" in Seen(response).text
    assert "Same school as before." in Seen(response).text


def test_escalate_then_another_person_refers(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator)
    signed_in(moderator).post(f"{_url(case)}escalate/", _escalation(case))
    browser = signed_in(supervisor)

    listed = Seen(browser.get("/escalations/"))
    assert case.reference in listed.text
    assert "Four children of one class, none answered." in listed.text
    assert "Asked: Please decide on a referral." in listed.text

    case.refresh_from_db()
    page = Seen(browser.get(_url(case)))
    assert "Escalated by Mo Reyes" in page.text
    data = {"version": case.version, "note": "I agree with the summary."}
    confirm = browser.post(f"{_url(case)}refer/", data, follow=True)
    assert "This cannot be undone" in Seen(confirm).text
    case.refresh_from_db()
    assert case.state == State.ESCALATED, "the first step changes nothing"
    sent = data | {"confirmed": "1", "password": PASSWORD}
    response = browser.post(f"{_url(case)}refer/", sent, follow=True)

    assert response.redirect_chain == [("/referrals/", 303)]
    assert case.reference in Seen(response).text
    case.refresh_from_db()
    assert case.state == State.REFERRED
    assert case.referred_by == supervisor


def test_nobody_refers_what_they_escalated(supervisor: User, signed_in: SignedIn) -> None:
    case = factories.escalated(supervisor)
    browser = signed_in(supervisor)

    page = Seen(browser.get(_url(case)))
    assert "Another supervisor must decide this: you escalated it." in page.text
    assert not [a for a in page.actions if a.endswith(("refer/", "return/", "escalation/"))]
    assert "You escalated it" in Seen(browser.get("/escalations/")).text

    data = {"version": case.version, "note": "Mine.", "reason": "family"}
    for step in ("refer/", "return/", "dismiss-escalation/"):
        response = browser.post(_url(case) + step, data | {"confirmed": "1"})
        assert response.status_code == 409
        assert "somebody else must decide on it" in Seen(response).text
    assert browser.post(f"{_url(case)}refer/", data).status_code == 409
    case.refresh_from_db()
    assert case.state == State.ESCALATED
    assert not Decision.objects.filter(case=case, verb="refer").exists()


def test_a_moderator_sees_an_escalated_case_and_decides_nothing(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    case = factories.escalated(moderator2)
    browser = signed_in(moderator)

    page = Seen(browser.get(_url(case)))
    assert "With the supervisors since" in page.text
    assert [a for a in page.actions if a.startswith(_url(case))] == [f"{_url(case)}note/"]
    response = browser.post(f"{_url(case)}refer/", {"version": case.version, "confirmed": "1"})
    assert response.status_code == 403


def test_a_question_goes_back_and_is_seen(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.escalated(moderator)

    signed_in(supervisor).post(
        f"{_url(case)}return/", {"version": case.version, "note": "Are they one team?"}
    )
    page = Seen(signed_in(moderator).get(_url(case)))

    assert "Sam Field asks Are they one team?" in page.text
    assert f"{_url(case)}claim/" in page.actions


def test_a_supervisor_dismisses_an_escalation(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.escalated(moderator)

    response = signed_in(supervisor).post(
        f"{_url(case)}dismiss-escalation/",
        {"version": case.version, "reason": "family", "note": "An uncle."},
        follow=True,
    )

    assert response.redirect_chain == [("/escalations/", 303)]
    case.refresh_from_db()
    assert case.state == State.DISMISSED


def test_an_address_of_an_action_leads_back_to_the_case(
    moderator: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator)

    response = signed_in(moderator).get(f"{_url(case)}escalate/", follow=True)

    assert response.redirect_chain == [(f"{_url(case)}?do=escalate", 302)]
    assert 'id="do-escalate" open' in response.content.decode()


def _url(case: Case) -> str:
    return f"/cases/{case.reference}/"


def _dismissal(case: Case) -> dict[str, object]:
    return {"version": case.version, "reason": "school_or_club_role", "note": NOTE}


def _escalation(case: Case) -> dict[str, object]:
    return {
        "version": case.version,
        "severity": "critical",
        "note": "Four children of one class, none answered.",
        "ask": "Please decide on a referral.",
    }
