"""Which page of the bar a case belongs to: for supervisors an escalated one to the escalations."""

from __future__ import annotations

import re

import pytest
from django.http import HttpResponseBase

from staff.models import User
from tests.moderation import factories
from tests.pages.conftest import SignedIn

pytestmark = pytest.mark.django_db

_CURRENT = re.compile(r'<li><a href="[^"]*" aria-current="(?:true|page)">([^<]+)</a></li>')


def _marked(answer: HttpResponseBase) -> list[str]:
    """The pages of the bar that are marked as the current one."""
    content = answer.content.decode()  # type: ignore[attr-defined]  # never streamed here
    bar = content.partition('aria-label="Main"')[2].partition("</nav>")[0]
    return _CURRENT.findall(bar)


def test_every_page_of_an_escalated_case_belongs_to_the_escalations(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.escalated(moderator)
    browser = signed_in(supervisor)
    url = f"/cases/{case.reference}/"

    for page in ("", "linked/", "hold/"):
        assert _marked(browser.get(f"{url}{page}")) == ["Escalations"]
    confirm = browser.post(
        f"{url}refer/", {"version": case.version, "note": "I agree."}, follow=True
    )
    assert "This cannot be undone" in confirm.content.decode()
    assert _marked(confirm) == ["Escalations"]


def test_other_cases_and_other_people_s_pages_belong_to_the_queue(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    escalated, fresh = factories.escalated(moderator), factories.case()

    assert _marked(signed_in(moderator).get(f"/cases/{escalated.reference}/")) == ["Queue"]
    assert _marked(signed_in(supervisor).get(f"/cases/{fresh.reference}/")) == ["Queue"]
