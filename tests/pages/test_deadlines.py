"""The page on which an admin sets the deadlines."""

from __future__ import annotations

from typing import Any

import pytest

from moderation.models import DeadlineTerms
from staff.models import User
from tests.moderation import factories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db

GIVEN: dict[str, Any] = {
    "critical": "4",
    "high": "8",
    "standard": "24",
    "days": ["0", "1", "2", "3", "4"],
    "start": "09:00",
    "end": "17:30",
    "zone": "Europe/London",
    "holidays": "2026-12-26\n2026-12-25\n",
    "note": "Closed at night.",
}


def test_the_terms_are_set_and_shown(admin: User, moderator: User, signed_in: SignedIn) -> None:
    browser = signed_in(admin)
    page = Seen(browser.post("/deadlines/", GIVEN, follow=True))
    assert "The deadlines are set" in page.text
    assert "Set by Ada Marsh" in page.text
    content = browser.get("/deadlines/").content.decode()
    assert "2026-12-25\n2026-12-26</textarea>" in content
    assert 'value="17:30"' in content
    case = factories.held(moderator)
    offered = Seen(signed_in(moderator).get(f"/cases/{case.reference}/")).text
    assert "Critical: within 4 hours" in offered
    assert "High: within 8 working hours" in offered


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"holidays": "Christmas"}, "“Christmas” is no date: write it as 2026-12-25."),
        ({"critical": "9"}, "What is graver cannot wait longer."),
        ({"end": "08:00"}, "A working day ends after it starts."),
        ({"days": []}, "Choose one day of the week at least."),
        ({"note": ""}, "Say why the deadlines change."),
    ],
)
def test_what_makes_no_sense_is_said_beside_its_field(
    admin: User, signed_in: SignedIn, wrong: dict[str, Any], says: str
) -> None:
    response = signed_in(admin).post("/deadlines/", GIVEN | wrong)
    assert response.status_code == 422
    assert says in Seen(response).text
    assert not DeadlineTerms.objects.exists()


def test_who_is_no_admin_is_refused(supervisor: User, signed_in: SignedIn) -> None:
    assert signed_in(supervisor).post("/deadlines/", GIVEN).status_code == 403
