"""The queue as people use it, without script unless a test says htmx."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audit.actors import Actor
from moderation.models import Case
from moderation.selectors import queue
from moderation.services import claims
from staff.models import User
from tests.moderation import factories
from tests.pages import stories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def test_a_row_says_why_how_urgent_and_who_is_involved(
    moderator: User, signed_in: SignedIn
) -> None:
    flagged, girl = factories.account(account_id="acct-91"), factories.child(11)
    found = factories.assessment(flagged, minors=7)
    factories.evidence(found, factories.event(flagged, girl))
    case = stories.opened(found.account)

    page = Seen(signed_in(moderator).get("/queue/"))

    assert case.reference in page.text
    assert "acct-91" in page.text
    assert "4 of 5 first contacts with under-16s had no friend in common." in page.text
    assert "+30 Name of refused" in page.text
    assert "7 children contacted" in page.text
    assert "youngest under 13" in page.text
    assert "Youngest child involved +60" in page.text
    assert "Due in" in page.text


def test_nobody_elses_names_reach_the_queue(moderator: User, signed_in: SignedIn) -> None:
    flagged = factories.account(display_name="Flagged Display")
    girl = factories.child(12, display_name="Secret Child Name")
    found = factories.assessment(flagged)
    factories.evidence(found, factories.event(flagged, girl))
    stories.opened(flagged)

    content = signed_in(moderator).get("/queue/").content.decode()

    assert "Secret Child Name" not in content
    assert str(girl.birth_date) not in content


def test_start_reviewing_claims_the_most_urgent_and_opens_it(
    moderator: User, signed_in: SignedIn
) -> None:
    factories.case(points=120.0)
    urgent = factories.case(points=400.0)
    browser = signed_in(moderator)

    response = browser.post("/queue/start/", follow=True)

    assert response.redirect_chain == [(f"/cases/{urgent.reference}/", 303)]
    urgent.refresh_from_db()
    assert urgent.holder == moderator
    assert "You hold this case until" in Seen(response).text


def test_start_reviewing_an_empty_queue_says_so(moderator: User, signed_in: SignedIn) -> None:
    response = signed_in(moderator).post("/queue/start/", follow=True)

    assert response.redirect_chain == [("/queue/", 303)]
    assert "Nothing is open." in Seen(response).text
    assert "Nothing waits for review" in Seen(response).text


def test_two_people_never_start_the_same_case(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    factories.case()
    factories.case()

    first = signed_in(moderator).post("/queue/start/")
    second = signed_in(moderator2).post("/queue/start/")

    assert first["Location"] != second["Location"]


def test_claiming_from_a_row_opens_the_case_without_script(
    moderator: User, signed_in: SignedIn
) -> None:
    case = factories.case()

    response = signed_in(moderator).post(reverse("case_claim", args=[case.reference]))

    assert (response.status_code, response["Location"]) == (303, f"/cases/{case.reference}/")


def test_claiming_from_a_row_swaps_that_row_with_htmx(moderator: User, signed_in: SignedIn) -> None:
    case = factories.case()

    response = signed_in(moderator).post(reverse("case_claim", args=[case.reference]), headers=HTMX)

    assert response.status_code == 200
    content = response.content.decode()
    assert content.lstrip().startswith("<li")
    assert "You hold it until" in content
    assert f'data-announce="You hold {case.reference} now."' in content
    assert 'id="queue-tabs"' in content
    assert 'hx-swap-oob="true"' in content


def test_the_tabs_beside_a_swapped_row_are_those_of_the_list_that_is_open(
    moderator: User, signed_in: SignedIn
) -> None:
    case = factories.case()
    address = "http://testserver/queue/?view=all&severity=high"

    response = signed_in(moderator).post(
        reverse("case_claim", args=[case.reference]), headers={**HTMX, "HX-Current-URL": address}
    )

    current = [line for line in response.content.decode().split("<a ") if "aria-current" in line]
    assert len(current) == 1
    assert "view=all" in current[0]
    assert "severity=high" in current[0]


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "part"])
def test_a_lost_race_says_who_won_and_offers_the_next(
    moderator: User, moderator2: User, signed_in: SignedIn, headers: dict[str, str]
) -> None:
    case = factories.held(moderator2)

    response = signed_in(moderator).post(
        reverse("case_claim", args=[case.reference]), headers=headers
    )

    page = Seen(response)
    assert response.status_code == 409
    assert "Max Okafor has been reviewing" in page.text
    assert "/queue/start/" in page.actions
    assert f"/cases/{case.reference}/" in page.links
    case.refresh_from_db()
    assert case.holder == moderator2


def test_a_case_that_somebody_holds_cannot_be_claimed_from_its_row(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator2)

    page = Seen(signed_in(moderator).get("/queue/"))

    assert "Max Okafor until" in page.text
    assert f"/cases/{case.reference}/claim/" not in page.actions


def test_a_lapsed_hold_can_be_taken_over(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator2)
    _lapse(case)
    browser = signed_in(moderator)

    assert f"/cases/{case.reference}/claim/" in Seen(browser.get("/queue/")).actions
    browser.post(reverse("case_claim", args=[case.reference]))

    case.refresh_from_db()
    assert case.holder == moderator


def test_filters_live_in_the_address(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    plain = factories.case(points=110.0)
    grave = factories.case(points=2000.0)
    escalated = factories.escalated(supervisor, points=130.0)
    browser = signed_in(moderator)

    def shown(query: str) -> set[str]:
        text = Seen(browser.get(f"/queue/?{query}")).text
        return {c.reference for c in (plain, grave, escalated) if c.reference in text}

    assert shown("") == {plain.reference, grave.reference}
    assert shown("severity=critical") == {grave.reference}
    assert shown("view=escalated") == {escalated.reference}
    assert shown("view=all") == {plain.reference, grave.reference, escalated.reference}
    assert shown("view=mine") == set()
    assert shown("kind=age_check") == set()
    assert shown("view=nonsense&severity=worst&kind=%00") == {plain.reference, grave.reference}


def test_search_finds_a_case_whatever_its_state(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    escalated = factories.escalated(supervisor, factories.account(account_id="Zed-404"))
    other = factories.case()
    browser = signed_in(moderator)
    number = escalated.reference.rpartition("-")[2]

    for text in (escalated.reference, escalated.reference.lower(), number.lstrip("0"), "Zed-40"):
        page = Seen(browser.get("/queue/", {"q": text}))
        assert escalated.reference in page.text, text
        assert "1 case for" in page.text, text
    assert other.reference not in page.text
    assert "No case fits" in Seen(browser.get("/queue/", {"q": "nobody"})).text


def test_htmx_gets_the_list_alone_with_counts_and_the_address(
    moderator: User, signed_in: SignedIn
) -> None:
    factories.case(points=2000.0)

    response = signed_in(moderator).get("/queue/?view=review&severity=critical&q=", headers=HTMX)

    content = response.content.decode()
    assert "<html" not in content
    assert 'data-announce="1 case"' in content
    assert 'id="queue-tabs"' in content
    assert response["HX-Push-Url"] == "/queue/?severity=critical"
    assert "HX-Request" in response["Vary"]


def test_pages_follow_each_other_without_gap_or_repeat(moderator: User) -> None:
    cases = [factories.case(points=100.0 + 10 * (n // 3)) for n in range(8)]
    wanted = [c.reference for c in Case.objects.order_by("-priority", "pk")]
    assert len({c.priority for c in cases}) < len(cases), "equal priorities belong to this test"
    filters, forward, pages = queue.Filters(), [], []
    while True:
        page = queue.page(moderator, filters, size=3)
        pages.append(page)
        forward += [case.reference for case in page.cases]
        if not page.next_query:
            break
        filters = queue.Filters.read(dict(parse_qsl(page.next_query)))
    earlier = queue.Filters.read(dict(parse_qsl(pages[-1].previous_query)))
    back = queue.page(moderator, earlier, size=3)

    assert forward == wanted
    assert [c.pk for c in back.cases] == [c.pk for c in pages[-2].cases]
    assert not pages[0].previous_query
    assert {page.total for page in pages} == {8}


def test_new_cases_are_counted_not_pushed_in(moderator: User, signed_in: SignedIn) -> None:
    factories.case()
    browser, before = signed_in(moderator), timezone.now()

    assert browser.get("/queue/updates/", {"since": before.isoformat()}).status_code == 204
    factories.case()
    response = browser.get("/queue/updates/", {"since": before.isoformat()})
    assert "1 new · show" in Seen(response).text
    assert browser.get("/queue/updates/", {"since": "yesterday"}).status_code == 204


def test_the_queue_costs_the_same_whatever_its_length(moderator: User, signed_in: SignedIn) -> None:
    browser = signed_in(moderator)
    factories.case()
    few = _queries(browser)
    for _ in range(6):
        factories.case()
    claims.claim_next(actor=Actor.of_user(moderator))
    assert _queries(browser) == few


def _queries(browser: Client) -> int:
    with CaptureQueriesContext(connection) as queries:
        browser.get("/queue/")
    return len(queries)


def _lapse(case: Case) -> None:
    Case.objects.filter(pk=case.pk).update(lease_expires_at=timezone.now() - timedelta(minutes=1))


def test_only_what_can_be_ticked_is_offered_to_be_decided_together(
    moderator: User, signed_in: SignedIn
) -> None:
    factories.dismiss(moderator, factories.held(moderator))
    browser = signed_in(moderator)
    together = "Decide the ticked together"

    decided = Seen(browser.get("/queue/?view=decided")).text
    assert "1 case" in decided
    assert together not in decided
    factories.case()
    assert together in Seen(browser.get("/queue/")).text
