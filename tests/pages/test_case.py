"""The case page and what is decided on it, as a browser without script does it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from audit.actors import Actor
from audit.models import Entry
from moderation.domain.transitions import State
from moderation.models import Case, Decision
from moderation.services import claims, decisions, escalation
from staff.models import User
from tests.conftest import PASSWORD
from tests.moderation import factories
from tests.pages import stories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
NOTE = "Runs the swimming club that all of them belong to."


def test_who_and_why_are_on_one_page(moderator: User, signed_in: SignedIn) -> None:
    case = stories.coach()

    page = Seen(signed_in(moderator).get(_url(case)))

    assert "Recorded age 40 (self-declared)" in page.text
    assert "Role Coach" in page.text
    assert "4 of 5 first contacts with under-16s had no friend in common." in page.text
    assert "+46" in page.text
    assert "−12" in page.text
    assert "9 of 20 contacts came from the children." in page.text
    assert "1 not assessed, which clears nobody" in page.text
    assert "Not enough evidence: 2 of 5 contacts." in page.text
    assert "The account made contact with 2 children (1 accepted, 1 refused)" in page.text


def test_children_have_letters_and_bands_and_no_names(moderator: User, signed_in: SignedIn) -> None:
    case = stories.coach()
    browser = signed_in(moderator)

    for query in ("", "?evidence=no_mutuals", "?contacts=1"):
        content = browser.get(_url(case) + query).content.decode()
        assert "Child A, 13–15" in content
        for other in Account.objects.exclude(pk=case.account_id):
            assert other.display_name not in content
            assert str(other.birth_date) not in content
            assert f"{other.birth_date:%-d %b %Y}" not in content


def test_letters_stay_when_a_later_import_brings_an_earlier_contact(
    moderator: User, signed_in: SignedIn
) -> None:
    case = stories.coach()
    earlier = factories.child(17)
    factories.event(case.account, earlier, at=factories.NOON - timedelta(days=300))

    page = Seen(signed_in(moderator).get(_url(case) + "?contacts=1"))

    assert "Child A, 13–15" in page.text
    assert "Child B, under 13" in page.text
    assert "Child C, 16–17" in page.text


def test_a_sentence_opens_its_rows(moderator: User, signed_in: SignedIn) -> None:
    case = stories.coach()
    browser = signed_in(moderator)

    closed = Seen(browser.get(_url(case)))
    assert f"{_url(case)}?evidence=no_mutuals#reason-no_mutuals" in closed.links

    opened = Seen(browser.get(_url(case) + "?evidence=no_mutuals"))
    part = browser.get(_url(case) + "?evidence=no_mutuals", headers=HTMX)
    for text in (opened.text, Seen(part).text):
        assert "A, 13–15 Friend request, accepted" in text
        assert "2 Mar, 12:00" in text
    assert "<html" not in part.content.decode()
    assert browser.get(_url(case) + "?evidence=nothing", headers=HTMX).status_code == 404


def test_the_table_says_what_the_pictures_show(moderator: User, signed_in: SignedIn) -> None:
    case = stories.coach()

    response = signed_in(moderator).get(_url(case) + "?contacts=1")

    content, page = response.content.decode(), Seen(response)
    for label, outcome in (
        ("Child A, 13–15", "accepted"),
        ("Child B, under 13", "reported the account"),
        ("Adult 1", "friends"),
    ):
        assert f"<title>{label}: {outcome}</title>" in content
        assert label in page.text
    assert "Child B, under 13 2 Mar, 12:00 friend request reported the account" in page.text


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

    assert f"Being monitored until {until:%-d %b %Y}" in Seen(response).text


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
    confirm = browser.post(f"{_url(case)}refer/", data)
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


@pytest.mark.parametrize("reference", ["SL-2026-999999", "SL-1", "..%2f", "SL-2026-%00"])
def test_a_case_that_does_not_exist_is_missing(
    moderator: User, signed_in: SignedIn, reference: str
) -> None:
    assert signed_in(moderator).get(f"/cases/{reference}/").status_code == 404


def test_text_of_people_and_platforms_is_shown_as_text(
    moderator: User, signed_in: SignedIn
) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    case = factories.case(factories.account(account_id=nasty, display_name=nasty))
    decisions.add_note(actor=Actor.of_user(moderator), case_id=case.pk, text=nasty)
    browser = signed_in(moderator)

    for url in ("/queue/", _url(case), "/queue/?q=%3Cimg%20src%3Dx"):
        content = browser.get(url).content.decode()
        assert "<img" not in content
        assert "&lt;img src=x" in content


def test_the_page_costs_the_same_whatever_the_case(moderator: User, signed_in: SignedIn) -> None:
    browser = signed_in(moderator)
    small, large = stories.coach(), stories.coach(children=12)
    for n in range(3):
        decisions.add_note(actor=Actor.of_user(moderator), case_id=large.pk, text=f"Note {n}.")

    assert _queries(browser, _url(small)) == _queries(browser, _url(large))
    assert _queries(browser, f"{_url(small)}?evidence=no_mutuals") == _queries(
        browser, f"{_url(large)}?evidence=no_mutuals"
    )


def test_the_history_tells_decisions_with_their_reasons(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.escalated(moderator)
    escalation.send_back(
        actor=Actor.of_user(supervisor), case_id=case.pk, version=case.version, note="Which team?"
    )

    page = Seen(signed_in(moderator).get(_url(case)))

    assert "Returned with a question Sam Field" in page.text
    assert "Escalated Mo Reyes" in page.text
    assert "Severity: High" in page.text
    assert "Opened the case Sightline" in page.text
    assert page.text.index("Returned with") < page.text.index("Escalated Mo Reyes")


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


def _queries(browser: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(url).status_code == 200
    return len(queries)


def test_an_earlier_day_is_shown_by_picture_words_and_table(
    moderator: User, signed_in: SignedIn
) -> None:
    case, browser = stories.coach(children=5), signed_in(moderator)
    asked = f"{_url(case)}?until={factories.NOON:%Y-%m-%d}"

    page = Seen(browser.get(f"{asked}&contacts=1"))
    now = Seen(browser.get(f"{_url(case)}?contacts=1"))

    assert "The account made contact with 2 children (1 accepted, 1 refused)" in page.text
    assert "The account made contact with 5 children" in now.text
    assert "As it was at the end of 2 March 2026." in page.text
    assert "Child C" not in page.text.partition("Outcome")[2]
    assert "Child C" in now.text.partition("Outcome")[2]
    content = browser.get(asked).content.decode()
    assert content.count("net-node--later") == 3
    assert Seen(browser.get(f"{asked}&contacts=1", headers=HTMX)).text.count("Child") == 2


@pytest.mark.parametrize("until", ["", "2026-02-30", "never", "9999-12-31", "0001-01-01\x00"])
def test_a_day_that_means_nothing_shows_everything(
    moderator: User, signed_in: SignedIn, until: str
) -> None:
    case = stories.coach()
    response = signed_in(moderator).get(_url(case), {"until": until})
    assert response.status_code == 200
    assert "net-node--later" not in response.content.decode()


def test_who_is_flagged_too_has_a_flag_and_a_reference(
    moderator: User, signed_in: SignedIn
) -> None:
    case = stories.coach()
    rival = factories.account()
    factories.event(case.account, rival)
    other = factories.case(rival)

    content = signed_in(moderator).get(_url(case)).content.decode()

    assert f"flagged itself, {other.reference}" in content
    assert content.count('class="net-flag"') == 2  # on the square, and in the key
    assert "flagged itself" not in signed_in(moderator).get(_url(stories.coach())).content.decode()


def test_the_score_over_time_is_a_picture_with_its_table(
    moderator: User, signed_in: SignedIn
) -> None:
    case = stories.coach()
    browser = signed_in(moderator)
    assert "Score over time" not in Seen(browser.get(_url(case))).text
    factories.assessment(case.account, points=190.0)

    page = Seen(browser.get(_url(case)))

    assert "From 130 to 190 points in 2 computations." in page.text
    assert "The score each time it was computed" in page.text
