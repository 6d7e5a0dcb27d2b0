"""The page on which somebody decides again without knowing what was decided."""

from __future__ import annotations

from typing import Any

import pytest

from moderation.models import SecondLook
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
