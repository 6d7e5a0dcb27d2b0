"""The button that takes a decision back."""

from __future__ import annotations

import pytest

from staff.models import User
from tests.moderation import factories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db


def test_the_page_offers_it_to_who_decided_and_takes_it_back(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    case = factories.dismissed(moderator)
    url = f"/cases/{case.reference}/"
    assert f"{url}undo/" not in Seen(signed_in(moderator2).get(url)).actions
    browser = signed_in(moderator)
    assert f"{url}undo/" in Seen(browser.get(url)).actions
    for version in ("", "x", "1"):
        stale = browser.post(f"{url}undo/", {"version": version}, follow=True)
        assert "has changed since you opened it" in Seen(stale).text
    done = browser.post(f"{url}undo/", {"version": case.version}, follow=True)
    assert "is in review again, and you hold it" in Seen(done).text
    assert "Took the decision back" in Seen(done).text
    assert "New in town, writes to many people of every age.</textarea>" in done.content.decode()
