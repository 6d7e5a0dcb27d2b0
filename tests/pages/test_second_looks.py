"""The page on which somebody decides again without knowing what was decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.actors import Actor
from moderation.models import SecondLook
from moderation.services import decisions
from moderation.templatetags.sightline import moment
from staff.models import User
from tests.moderation import factories
from tests.pages import stories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def always(settings: Any) -> None:
    settings.SECOND_LOOK_PERCENT = 100


def test_the_page_shows_the_evidence_and_nothing_of_the_decision(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    case = factories.dismiss(moderator, stories.coach())
    browser = signed_in(moderator2)

    response = browser.post("/second-looks/start/", follow=True)

    page, content = Seen(response), response.content.decode()
    assert "4 of 5 first contacts with under-16s had no friend in common." in page.text
    assert "9 of 20 contacts came from the children." in page.text
    assert "Child A, 13–15" in content
    assert "The account made contact with 2 children (1 accepted, 1 refused)" in page.text
    for telling in ("Dismissed", "Mo Reyes", "New in town", case.reference):
        assert telling not in content
    url = f"/second-looks/{SecondLook.objects.get().pk}/"
    assert browser.post(url, {"verb": "escalate", "note": ""}).status_code == 422
    refused = browser.post(url, {"verb": "dismiss", "note": "A coach."})
    assert refused.status_code == 422
    assert "Choose one." in Seen(refused).text
    done = Seen(browser.post(url, {"verb": "monitor", "note": "A coach."}, follow=True))
    assert "Your second look is recorded." in done.text
    assert SecondLook.objects.get().agreement == "graver"
    assert browser.get(url).status_code == 404


def test_the_pictures_go_back_to_a_day_without_leading_to_the_case(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    case = factories.dismiss(moderator, stories.coach(children=5))
    browser = signed_in(moderator2)
    browser.post("/second-looks/start/")
    url = f"/second-looks/{SecondLook.objects.get().pk}/"

    then = browser.get(f"{url}?until=2026-03-02&contacts=1").content.decode()
    part = browser.get(f"{url}?until=2026-03-02&contacts=1", headers={"HX-Request": "true"})

    assert "made contact with 2 children (1 accepted, 1 refused)" in then
    assert "As it was at the end of 2 March 2026." in Seen(part).text
    assert f'action="{url}#network-title"' in then
    assert case.reference not in then


def test_nobody_else_opens_it(
    moderator: User, moderator2: User, supervisor: User, signed_in: SignedIn
) -> None:
    factories.dismissed(moderator)
    signed_in(moderator2).post("/second-looks/start/")
    url = f"/second-looks/{SecondLook.objects.get().pk}/"
    for other in (moderator, supervisor):
        assert signed_in(other).get(url).status_code == 404
    nothing = signed_in(moderator).post("/second-looks/start/", follow=True)
    assert "No second look waits for you." in Seen(nothing).text


def test_only_supervisors_see_the_team_s_figures(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    assert "0 given, 0 waiting" in Seen(signed_in(supervisor).get("/second-looks/")).text
    assert "given" not in Seen(signed_in(moderator).get("/second-looks/")).text


@pytest.mark.parametrize("role", ["moderator2", "supervisor"])
def test_the_case_is_nowhere_until_the_look_is_given(
    moderator: User, role: str, request: pytest.FixtureRequest, signed_in: SignedIn
) -> None:
    """Its page, the queue, search, palette and exemptions: then the answer, and it is there."""
    account = factories.account(account_id="acct-blind")
    case = factories.held(moderator, account)
    decisions.dismiss(
        actor=Actor.of_user(moderator),
        case_id=case.pk,
        version=case.version,
        reason="family",
        note="An uncle.",
        exempt_until=timezone.localdate() + timedelta(days=30),
    )
    browser = signed_in(request.getfixturevalue(role))
    browser.post("/second-looks/start/")
    url = f"/cases/{case.reference}/"
    lists = (
        "/queue/?view=all",
        f"/queue/?q={case.reference}",
        "/queue/?q=acct-blind",
        "/go/?q=acct-blind",
        "/exemptions/",
    )
    for address in (url, f"{url}linked/", f"{url}claim/", f"{url}note/"):
        assert browser.get(address).status_code == 404
    for address in lists:
        page = browser.get(address)
        assert page.status_code == 200
        assert url not in page.content.decode(), address
        assert url in signed_in(moderator).get(address).content.decode(), address
    look = SecondLook.objects.get()
    browser.post(f"/second-looks/{look.pk}/", {"verb": "escalate", "note": "Five children."})
    assert browser.get(url).status_code == 200
    assert all(url in browser.get(address).content.decode() for address in lists)


def test_the_second_person_has_the_same_table_and_all_that_was_not_assessed(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    factories.dismiss(moderator, stories.coach(children=4))
    browser = signed_in(moderator2)
    page = Seen(browser.post("/second-looks/start/", follow=True))
    assert "Not enough evidence: 2 of 5 contacts." in page.text
    url = f"/second-looks/{SecondLook.objects.get().pk}/?contacts=1"
    assert f"{url}#people" in page.links

    whole = browser.get(url)
    part = browser.get(url, headers={"HX-Request": "true"})

    assert "<html" not in part.content.decode()
    for answer in (whole, part):
        said = Seen(answer).text
        assert (
            f"Child B, under 13 {moment(factories.NOON)} friend request reported the account"
            in said
        )
        assert "Name Of" not in answer.content.decode()
