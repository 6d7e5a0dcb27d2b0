"""Before a decision the panel says what would follow, in the numbers of this case."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from audit.actors import Actor
from moderation.models import Case, Referral
from moderation.services import claims
from staff.models import User
from tests.moderation import factories
from tests.pages import stories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 20, 9, 30, tzinfo=UTC)
UNTOLD = "Children: 5 contacted, none told, 1 accepted, 3 unanswered."
UNTOUCHED = "Account: Untouched, told nothing."


def _follows(browser: Client, case: Case, decision: str) -> str:
    """What the page says below the form of this decision."""
    page = Seen(browser.get(f"/cases/{case.reference}/?do={decision}")).text
    titles = {"dismiss": "Dismiss d", "monitor": "Monitor m", "age_check": "Ask for an age check g"}
    titles |= {"escalate": "Escalate e", "refer": "Refer to the police f"}
    titles |= {"return": "Return with a question t", "dismiss_escalation": "Dismiss d"}
    return page.split(titles[decision], 1)[1].split("What follows", 1)[1].split("Ctrl", 1)[0]


@pytest.fixture
def held(moderator: User) -> Case:
    """Five children: one accepted, one refused, three did not answer. 130 points."""
    case = stories.coach(children=5)
    return claims.claim(actor=Actor.of_user(moderator), case_id=case.pk)


def test_of_what_the_holder_may_decide(
    held: Case, moderator: User, supervisor: User, supervisor2: User, signed_in: SignedIn
) -> None:
    browser = signed_in(moderator)

    dismissed = _follows(browser, held, "dismiss")
    assert "Closes. New events reopen it at 170 points (130 now)." in dismissed
    assert "Undo: 10 minutes, by you." in dismissed
    monitored = _follows(browser, held, "monitor")
    assert "Comes back on the date, or at 140 points (130 now)." in monitored
    for said in (dismissed, monitored, _follows(browser, held, "escalate")):
        assert UNTOLD in said
        assert UNTOUCHED in said


def test_of_an_escalation_by_when_and_to_how_many(
    held: Case, moderator: User, supervisor: User, supervisor2: User, signed_in: SignedIn
) -> None:
    browser = signed_in(moderator)
    said = _follows(browser, held, "escalate")
    assert "Goes to: 2 other supervisors, no case waiting." in said

    factories.escalated(supervisor2)
    assert "2 other supervisors, 1 case waiting." in _follows(browser, held, "escalate")


def test_of_an_escalation_that_nobody_else_could_decide(
    supervisor: User, signed_in: SignedIn
) -> None:
    held = factories.held(supervisor)
    said = _follows(signed_in(supervisor), held, "escalate")
    assert "Goes to: Nobody now: there is no other supervisor." in said


def test_of_an_escalation_by_when_for_each_severity(moderator: User, signed_in: SignedIn) -> None:
    with time_machine.travel(NOW, tick=False):
        held = factories.held(moderator)
        page = Seen(signed_in(moderator).get(f"/cases/{held.reference}/?do=escalate")).text
    for said in (
        "Critical: within 4 hours, by 13:30",
        "High: within 24 hours, by 21 Mar, 09:30",
        "Standard: within 72 hours, by 23 Mar, 09:30",
        "Children: None contacted.",
    ):
        assert said in page


def test_of_a_referral_whom_the_report_names_and_where_it_goes(
    held: Case, moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.escalate(moderator, held)
    browser = signed_in(supervisor)
    named = "5 children: 1 victim (accepted), 4 intended recipients."

    said = _follows(browser, case, "refer")
    assert f"Report: {named}" in said
    assert "Goes to: Nobody yet: it is sealed within a minute" in said
    assert "Ends. New events open another at 170 points (130 now)." in said
    form = {"version": case.version, "note": "Agreed."}
    confirm = browser.post(f"/cases/{case.reference}/refer/", form, follow=True)
    assert named in Seen(confirm).text
    assert not Referral.objects.exists()

    returned = _follows(browser, case, "return")
    assert "Goes to: Any moderator, your question on top." in returned
    assert ": high, counted anew." in returned
    dismissed = _follows(browser, case, "dismiss_escalation")
    assert f"Closes, against what {moderator.name} proposed." in dismissed
    assert "Undo: None." in dismissed


def test_the_numbers_stand_below_a_form_that_comes_back(
    held: Case, moderator: User, signed_in: SignedIn
) -> None:
    answer = signed_in(moderator).post(
        f"/cases/{held.reference}/dismiss/", {}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 422
    assert UNTOLD in Seen(answer).text
