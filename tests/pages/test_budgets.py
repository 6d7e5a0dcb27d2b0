"""How many queries a page may take. A page that needs more says so here, and why."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.actors import Actor
from moderation.services import claims
from staff.models import User
from tests.pages import stories
from tests.pages.conftest import SignedIn

pytestmark = pytest.mark.django_db

BUDGETS = {
    "/queue/": 9,  # session, person, what is hidden, rows by state, what the person holds, counts
    "/queue/?q={reference}": 11,
    "/cases/{reference}/": 23,  # nine of them for the people around the account
    "/cases/{reference}/?contacts=1&evidence=no_mutuals": 24,
    "/go/?q={reference}": 13,
    "/shift/": 11,
    "/help/": 4,
}


@pytest.mark.parametrize("address", BUDGETS)
def test_a_page_keeps_its_budget(address: str, moderator: User, signed_in: SignedIn) -> None:
    case = stories.coach(children=9)
    claims.claim(actor=Actor.of_user(moderator), case_id=case.pk)
    browser = signed_in(moderator)
    url = address.format(reference=case.reference)
    browser.get(url)  # what is worked out once, such as positions, is worked out here

    with CaptureQueriesContext(connection) as queries:
        assert browser.get(url).status_code == 200

    assert len(queries) <= BUDGETS[address], [query["sql"][:90] for query in queries]
