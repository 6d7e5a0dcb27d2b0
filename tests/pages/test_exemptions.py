"""Exempting an account with its dismissal, and the list of those that are exempt."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from moderation.models import Exemption
from staff.models import User
from tests.moderation import factories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db


def test_granted_on_the_case_listed_and_ended(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator)
    url = f"/cases/{case.reference}/dismiss/"
    words = {"version": case.version, "reason": "family", "note": "Their uncle."}
    browser = signed_in(moderator)
    too_long = browser.post(url, words | {"exempt_until": timezone.localdate() + timedelta(200)})
    assert too_long.status_code == 422
    assert "for 90 days at most" in Seen(too_long).text
    browser.post(url, words | {"exempt_until": timezone.localdate() + timedelta(20)})
    granted = Exemption.objects.get()

    assert "Exempted the account" in Seen(browser.get(f"/cases/{case.reference}/")).text
    listed = Seen(browser.get("/exemptions/"))
    assert "Family of the children. Their uncle." in listed.text
    assert f"/exemptions/{granted.pk}/end/" not in listed.links
    assert browser.post(f"/exemptions/{granted.pk}/end/", {"reason": "x"}).status_code == 403

    browser = signed_in(supervisor)
    assert f"/exemptions/{granted.pk}/end/" in Seen(browser.get("/exemptions/")).links
    assert browser.post(f"/exemptions/{granted.pk}/end/", {"reason": ""}).status_code == 422
    done = browser.post(f"/exemptions/{granted.pk}/end/", {"reason": "Moved."}, follow=True)
    assert f"The exemption from {case.reference} has ended." in Seen(done).text
    assert "No account is exempt" in Seen(done).text
    assert "Sam Field: Moved." in Seen(browser.get("/exemptions/?ended=1")).text
    assert browser.get("/exemptions/999999/end/").status_code == 404
