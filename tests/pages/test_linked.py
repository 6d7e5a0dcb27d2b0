"""Cases of accounts that contacted the same people, and taking them together."""

from __future__ import annotations

import pytest

from accounts.models import Account
from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case
from moderation.selectors import linked
from moderation.services import claims
from staff.errors import Refused
from staff.models import User
from tests.moderation import factories
from tests.moderation.scenarios import let_lapse
from tests.pages import stories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db


def _case(children: list[Account], **summary: object) -> Case:
    """A case whose account contacted ``children``."""
    flagged = factories.account()
    events = [factories.event(flagged, child) for child in children]
    found = factories.assessment(flagged, minors=len(events), summary=summary)
    factories.evidence(found, *events)
    return stories.opened(flagged)


@pytest.fixture
def children() -> list[Account]:
    return [factories.child() for _ in range(4)]


def test_two_of_the_same_people_link_and_one_does_not(
    moderator: User, children: list[Account]
) -> None:
    case, many, two = _case(children), _case(children), _case(children[:2])
    _case(children[:1])
    _case([factories.child(), factories.child()])
    found = linked.cases(case, moderator)
    assert [(link.case, link.shared, link.by_engine) for link in found] == [
        (many, 4, False),
        (two, 2, False),
    ]
    assert case in {link.case for link in linked.cases(two, moderator)}


def test_what_the_run_found_links_decided_cases_too(
    moderator: User, supervisor: User, children: list[Account]
) -> None:
    sent = factories.referred(moderator, supervisor)
    case = _case(children, linked=[{"account": sent.account_id, "shared": 3, "p": 0.001}])
    found = linked.cases(case, moderator)
    assert [(link.case, link.by_engine) for link in found] == [(sent, True)]


def test_a_dismissed_case_is_not_linked_by_chance(moderator: User, children: list[Account]) -> None:
    factories.dismiss(moderator, _case(children))
    assert linked.cases(_case(children), moderator) == []


def test_linked_cases_are_taken_together(
    moderator: User, moderator2: User, children: list[Account], signed_in: SignedIn
) -> None:
    case, free, held, lapsed = (_case(children) for _ in range(4))
    for other in (held, lapsed):
        claims.claim(actor=Actor.of_user(moderator2), case_id=other.pk)
    let_lapse(lapsed)
    url = f"/cases/{case.reference}/linked/"
    browser = signed_in(moderator)

    page = Seen(browser.get(url))
    assert "4 people in common" in page.text
    assert "Max Okafor holds it" in page.text
    chosen = {"case": [c.pk for c in (case, free, held, lapsed)]}
    page = Seen(browser.post(url, chosen, follow=True))
    assert "1 could not be taken" in page.text
    for mine in (case, free, lapsed):
        mine.refresh_from_db()
        assert mine.holder == moderator
    held.refresh_from_db()
    assert held.holder == moderator2
    assert Entry.objects.filter(verb="case.claim", actor__contains="Mo Reyes").count() == 3


def test_nothing_else_is_taken_that_way(
    moderator: User, children: list[Account], signed_in: SignedIn
) -> None:
    case, stranger = _case(children), factories.case()
    url = f"/cases/{case.reference}/linked/"
    browser = signed_in(moderator)
    assert "No case is linked" in Seen(browser.get(url)).text
    for data in ({}, {"case": [stranger.pk]}, {"case": ["x"]}):
        page = Seen(browser.post(url, data, follow=True))
        assert "Tick the cases" in page.text
    stranger.refresh_from_db()
    assert stranger.state == "open"


def test_twenty_at_most(moderator: User) -> None:
    with pytest.raises(Refused, match="20 cases at most"):
        claims.claim_together(actor=Actor.of_user(moderator), case_ids=range(1, 22))
