"""A case whose score has fallen, as people see it: the words, the view, the way to decide."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.actors import Actor
from moderation.models import BulkItem, Case
from moderation.services import bulk_decisions, intake
from staff.models import User
from tests.moderation import factories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db

WORDS = "Score has fallen"


def fallen(points: float = 116.0) -> Case:
    """An open case that fell to so many points."""
    case = factories.case(points=171.0)
    found = factories.assessment(case.account, points=points, flagged=False)
    intake.open_cases(found.run, Actor.system("worker"))
    case.refresh_from_db()
    return case


def test_row_page_and_view_say_so_in_words(moderator: User, signed_in: SignedIn) -> None:
    case, other = fallen(), factories.case(points=152.0)
    browser = signed_in(moderator)

    everything = Seen(browser.get("/queue/"))
    assert everything.text.count(WORDS) == 1
    assert "/queue/?view=fallen" in everything.links

    view = Seen(browser.get("/queue/?view=fallen"))
    assert case.reference in view.text
    assert other.reference not in view.text
    assert WORDS in view.text
    assert "None is closed by that" in view.text
    assert other.reference not in Seen(browser.get("/queue/?view=fallen&severity=standard")).text
    assert case.reference not in Seen(browser.get("/queue/?view=fallen&severity=high")).text

    page = Seen(browser.get(f"/cases/{case.reference}/"))
    assert WORDS in page.text
    assert (
        "Its score has fallen to 116 points, more than 20 below the 170 at which cases open. "
        "It stays here until somebody decides." in page.text
    )
    assert WORDS not in Seen(browser.get(f"/cases/{other.reference}/")).text


def test_a_decided_case_says_it_no_more(moderator: User, signed_in: SignedIn) -> None:
    case = factories.dismiss(moderator, fallen())
    browser = signed_in(moderator)
    assert WORDS not in Seen(browser.get("/queue/?view=decided")).text
    page = Seen(browser.get(f"/cases/{case.reference}/"))
    assert WORDS not in page.text
    assert "has fallen to" not in page.text


def test_several_are_dismissed_together_from_the_view(moderator: User, signed_in: SignedIn) -> None:
    cases = [fallen() for _ in range(3)]
    browser = signed_in(moderator)
    listed = browser.get("/queue/?view=fallen").content.decode()
    assert all(f'name="case" value="{case.pk}"' in listed for case in cases)

    ticked = "&".join(f"case={case.pk}" for case in cases)
    review = Seen(browser.get(f"/queue/bulk/?{ticked}"))
    assert review.text.count(WORDS) == 3

    answer = browser.post(
        "/queue/bulk/",
        {
            "verb": "dismiss",
            "reason": "ordinary_behaviour",
            "note": "What spoke for a look has fallen away.",
            "version": [f"{case.pk}:{case.version}" for case in cases],
        },
    )
    assert answer.status_code in {302, 303}
    bulk_decisions.run(BulkItem.objects.filter(case=cases[0]).get().job_id)
    assert set(Case.objects.values_list("state", flat=True)) == {"dismissed"}
    assert "No cases" in Seen(browser.get("/queue/?view=fallen")).text


def test_the_row_of_an_escalated_case_says_it_too(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.escalate(moderator, factories.held(moderator, points=160.0))
    found = factories.assessment(case.account, points=60.0, flagged=False)
    intake.open_cases(found.run, Actor.system("worker"))
    assert WORDS in Seen(signed_in(supervisor).get("/escalations/")).text


@pytest.mark.parametrize("role", ["admin", "auditor"])
def test_who_works_on_no_cases_is_refused_the_view(
    role: str, request: pytest.FixtureRequest, signed_in: SignedIn
) -> None:
    case = fallen()
    answer = signed_in(request.getfixturevalue(role)).get("/queue/?view=fallen")
    assert answer.status_code in {403, 404}
    assert case.reference not in answer.content.decode()


def test_the_page_of_a_fallen_case_takes_no_query_more(
    moderator: User, signed_in: SignedIn
) -> None:
    browser, counts = signed_in(moderator), []
    for case in (factories.case(points=171.0), fallen()):
        browser.get(f"/cases/{case.reference}/")
        with CaptureQueriesContext(connection) as queries:
            browser.get(f"/cases/{case.reference}/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
