"""The case page, as a browser without script shows it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from audit.actors import Actor
from moderation.models import Case
from moderation.selectors.case import Reason, Side
from moderation.services import decisions, escalation
from moderation.templatetags.sightline import moment
from staff.models import User
from tests.moderation import factories
from tests.pages import stories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
NOTE = "Runs the swimming club that all of them belong to."


def test_who_and_why_are_on_one_page(moderator: User, signed_in: SignedIn) -> None:
    case = stories.coach()

    page = Seen(signed_in(moderator).get(_url(case)))

    assert "Recorded age 40 (self-declared)" in page.text
    assert "Role Coach" in page.text
    assert "4 of 5 first contacts with under-16s had no friend in common." in page.text
    assert "+46" in page.text
    assert "−12" in page.text
    assert "9 of 20 contacts came from the children." in page.text
    assert "1 not assessed, which clears nobody" in page.text
    assert "Not enough evidence: 2 of 5 contacts." in page.text
    assert "The account made contact with 2 children (1 accepted, 1 refused)" in page.text


def test_children_have_letters_and_bands_and_no_names(moderator: User, signed_in: SignedIn) -> None:
    case = stories.coach()
    browser = signed_in(moderator)

    for query in ("", "?evidence=no_mutuals", "?contacts=1"):
        content = browser.get(_url(case) + query).content.decode()
        assert "Child A, 13–15" in content
        for other in Account.objects.exclude(pk=case.account_id):
            assert other.display_name not in content
            assert str(other.birth_date) not in content
            assert f"{other.birth_date:%-d %b %Y}" not in content


def test_letters_stay_when_a_later_import_brings_an_earlier_contact(
    moderator: User, signed_in: SignedIn
) -> None:
    case = stories.coach()
    earlier = factories.child(17)
    factories.event(case.account, earlier, at=factories.NOON - timedelta(days=300))

    page = Seen(signed_in(moderator).get(_url(case) + "?contacts=1"))

    assert "Child A, 13–15" in page.text
    assert "Child B, under 13" in page.text
    assert "Child C, 16–17" in page.text


def test_a_sentence_opens_its_rows(moderator: User, signed_in: SignedIn) -> None:
    case = stories.coach()
    browser = signed_in(moderator)

    closed = Seen(browser.get(_url(case)))
    assert f"{_url(case)}?evidence=no_mutuals#reason-no_mutuals" in closed.links

    opened = Seen(browser.get(_url(case) + "?evidence=no_mutuals"))
    part = browser.get(_url(case) + "?evidence=no_mutuals", headers=HTMX)
    for text in (opened.text, Seen(part).text):
        assert "A, 13–15 Friend request, accepted" in text
        assert moment(factories.NOON) in text
    assert "<html" not in part.content.decode()
    assert browser.get(_url(case) + "?evidence=nothing", headers=HTMX).status_code == 404


def test_reasons_without_much_weight_wait_behind_one_line_on_both_sides(
    moderator: User, signed_in: SignedIn
) -> None:
    heavy = [("no_mutuals", 90.0), ("refused", 60.0), ("burst", 40.0), ("volume", 20.0)]
    weak = [("spread", 15.0), ("youngest", 4.0)]
    against = [("embedded", -9.0), ("made_mutuals", -8.0), ("minor_share", -7.0)]
    also = [("private_fast", -6.0), ("private_threads", -1.0)]
    contributions = [factories.contribution(*reason) for reason in (*heavy, *weak)]
    contributions += [
        factories.contribution(*reason) | {"direction": "lowers"} for reason in (*against, *also)
    ]
    contributions[4]["rows"] = 1
    found = factories.assessment(contributions=contributions)
    browser = signed_in(moderator)
    url = _url(stories.opened(found.account))

    page = browser.get(url).content.decode()
    seen = Seen(browser.get(url)).text

    assert "2 weaker, +19 together" in seen
    assert "2 weaker, −7 together" in seen
    assert _folded(page) == {"spread", "youngest", "private_fast", "private_threads"}
    # the rows behind one of them are asked for: it is not kept out of sight
    asked = browser.get(f"{url}?evidence=spread").content.decode()
    assert _folded(asked) == {"private_fast", "private_threads"}


def test_one_weak_reason_is_not_hidden_behind_a_line_of_its_own() -> None:
    names = "no_mutuals", "refused", "burst", "spread"
    reasons = [
        Reason.of(factories.contribution(name, points))
        for name, points in zip(names, (90.0, 60.0, 40.0, 5.0), strict=True)
    ]
    assert Side.of(reasons) == Side(reasons, [])
    assert Side.of(reasons[3:]) == Side(reasons[3:], [])
    assert Side.of([]) == Side([], [])


def _folded(page: str) -> set[str]:
    """Indicators whose sentence stands inside something closed."""
    closed = re.findall(
        r'<details class="disclosure disclosure--printed">(.*?)</ol>', page, re.DOTALL
    )
    return {name for part in closed for name in re.findall(r'id="reason-(\w+)"', part)}


def test_the_table_says_what_the_pictures_show(moderator: User, signed_in: SignedIn) -> None:
    case = stories.coach()

    response = signed_in(moderator).get(_url(case) + "?contacts=1")

    content, page = response.content.decode(), Seen(response)
    for label, outcome in (
        ("Child A, 13–15", "accepted"),
        ("Child B, under 13", "reported the account"),
        ("Adult 1", "friends"),
    ):
        assert f"<title>{label}: {outcome}</title>" in content
        assert label in page.text
    assert (
        f"Child B, under 13 {moment(factories.NOON)} friend request reported the account"
        in page.text
    )


@pytest.mark.parametrize("reference", ["SL-2026-999999", "SL-1", "..%2f", "SL-2026-%00"])
def test_a_case_that_does_not_exist_is_missing(
    moderator: User, signed_in: SignedIn, reference: str
) -> None:
    assert signed_in(moderator).get(f"/cases/{reference}/").status_code == 404


def test_text_of_people_and_platforms_is_shown_as_text(
    moderator: User, signed_in: SignedIn
) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    case = factories.case(factories.account(account_id=nasty, display_name=nasty))
    decisions.add_note(actor=Actor.of_user(moderator), case_id=case.pk, text=nasty)
    browser = signed_in(moderator)

    for url in ("/queue/", _url(case), "/queue/?q=%3Cimg%20src%3Dx"):
        content = browser.get(url).content.decode()
        assert "<img" not in content
        assert "&lt;img src=x" in content


def test_the_page_costs_the_same_whatever_the_case(moderator: User, signed_in: SignedIn) -> None:
    browser = signed_in(moderator)
    small, large = stories.coach(), stories.coach(children=12)
    for n in range(3):
        decisions.add_note(actor=Actor.of_user(moderator), case_id=large.pk, text=f"Note {n}.")

    assert _queries(browser, _url(small)) == _queries(browser, _url(large))
    assert _queries(browser, f"{_url(small)}?evidence=no_mutuals") == _queries(
        browser, f"{_url(large)}?evidence=no_mutuals"
    )


def test_the_history_tells_decisions_with_their_reasons(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    case = factories.escalated(moderator)
    escalation.send_back(
        actor=Actor.of_user(supervisor), case_id=case.pk, version=case.version, note="Which team?"
    )

    page = Seen(signed_in(moderator).get(_url(case)))

    assert "Returned with a question Sam Field" in page.text
    assert "Escalated Mo Reyes" in page.text
    assert "Severity: High" in page.text
    assert "Opened the case Sightline" in page.text
    assert page.text.index("Returned with") < page.text.index("Escalated Mo Reyes")


def _url(case: Case) -> str:
    return f"/cases/{case.reference}/"


def _queries(browser: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(url).status_code == 200
    return len(queries)


def test_an_earlier_day_is_shown_by_picture_words_and_table(
    moderator: User, signed_in: SignedIn
) -> None:
    case, browser = stories.coach(children=5), signed_in(moderator)
    asked = f"{_url(case)}?until={factories.NOON:%Y-%m-%d}"

    page = Seen(browser.get(f"{asked}&contacts=1"))
    now = Seen(browser.get(f"{_url(case)}?contacts=1"))

    assert "The account made contact with 2 children (1 accepted, 1 refused)" in page.text
    assert "The account made contact with 5 children" in now.text
    assert "As it was at the end of 2 March 2026." in page.text
    assert "Child C" not in page.text.partition("Outcome")[2]
    assert "Child C" in now.text.partition("Outcome")[2]
    content = browser.get(asked).content.decode()
    assert content.count("net-node--later") == 3
    assert Seen(browser.get(f"{asked}&contacts=1", headers=HTMX)).text.count("Child") == 2


@pytest.mark.parametrize("until", ["", "2026-02-30", "never", "9999-12-31", "0001-01-01\x00"])
def test_a_day_that_means_nothing_shows_everything(
    moderator: User, signed_in: SignedIn, until: str
) -> None:
    case = stories.coach()
    response = signed_in(moderator).get(_url(case), {"until": until})
    assert response.status_code == 200
    assert "net-node--later" not in response.content.decode()


def test_who_is_flagged_too_has_a_flag_and_a_reference(
    moderator: User, signed_in: SignedIn
) -> None:
    case = stories.coach()
    rival = factories.account()
    factories.event(case.account, rival)
    other = factories.case(rival)

    content = signed_in(moderator).get(_url(case)).content.decode()

    assert f"flagged itself, {other.reference}" in content
    assert content.count('class="net-flag"') == 2  # on the square, and in the key
    assert "flagged itself" not in signed_in(moderator).get(_url(stories.coach())).content.decode()


def test_the_score_over_time_is_a_picture_with_its_table(
    moderator: User, signed_in: SignedIn
) -> None:
    case = stories.coach()
    browser = signed_in(moderator)
    assert "Score over time" not in Seen(browser.get(_url(case))).text
    factories.assessment(case.account, points=190.0)

    page = Seen(browser.get(_url(case)))

    assert "From 130 to 190 points in 2 computations." in page.text
    assert "The score each time it was computed" in page.text
