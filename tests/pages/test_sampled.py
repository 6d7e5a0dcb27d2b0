"""The random sample on pages: nothing marks a case, and figures stand where figures belong."""

from __future__ import annotations

import pytest

from moderation.models import Case
from signals.models import Run
from staff.models import User
from tests.moderation import factories
from tests.moderation.sampling import below, drawn, sampled_and_other, take_in, thresholds
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(admin: User) -> Run:
    """A run whose draw takes a fifth."""
    return factories.run(thresholds=thresholds(admin))


def test_pages_say_nothing_of_the_draw(run: Run, moderator: User, signed_in: SignedIn) -> None:
    sampled, _other = sampled_and_other(run)
    browser = signed_in(moderator)
    for address in (
        "/queue/",
        "/queue/?view=all",
        f"/queue/?q={sampled.reference}",
        f"/queue/bulk/?case={sampled.pk}",
        f"/cases/{sampled.reference}/",
        f"/cases/{sampled.reference}/linked/",
    ):
        answer = browser.get(address)
        text = Seen(answer).text.lower()
        assert sampled.reference.lower() in text, address
        assert "sample" not in answer.content.decode().lower(), address
        assert "random" not in text, address
        assert "fallen" not in text.replace("score fallen", ""), address
    assert sampled.reference not in Seen(browser.get("/queue/?view=fallen")).text


def test_a_sampled_case_without_a_reason_reads_like_any_without(
    run: Run, moderator: User, signed_in: SignedIn
) -> None:
    expected = drawn(run, below(run, points=-40.0, contributions=[]))
    take_in(run)
    case = Case.objects.get(account=min(expected))
    browser = signed_in(moderator)
    assert "No sentence raises the score." in Seen(browser.get("/queue/")).text
    page = Seen(browser.get(f"/cases/{case.reference}/"))
    assert "Nothing raises the score." in page.text
    assert "-40 points" in page.text


# -- Figures, for those who answer for the thresholds --------------------------------------------


@pytest.mark.parametrize("role", ["admin", "supervisor"])
def test_the_thresholds_page_gives_figures_and_names_no_case(
    role: str, run: Run, moderator: User, request: pytest.FixtureRequest, signed_in: SignedIn
) -> None:
    browser = signed_in(request.getfixturevalue(role))
    assert "random sample;" not in Seen(browser.get("/thresholds/")).text
    expected = drawn(run, below(run))
    take_in(run)
    before = Seen(browser.get("/thresholds/")).text
    assert f"{len(expected)} cases opened from the random sample; no sampled case" in before
    assert "no sampled case decided yet." in before
    case = Case.objects.get(account=min(expected))
    factories.dismiss(moderator, case)
    after = Seen(browser.get("/thresholds/")).text
    assert (
        f"{len(expected)} cases opened from the random sample, 1 decided, 0 of them confirmed: "
        "0 % of accounts below the threshold (0 % to 79.3 %, 95 % interval) would be "
        "confirmed by a look." in after
    )
    assert case.reference not in after


@pytest.mark.parametrize("role", ["moderator", "auditor"])
def test_who_decides_cases_is_refused_the_figures(
    role: str, run: Run, request: pytest.FixtureRequest, signed_in: SignedIn
) -> None:
    below(run)
    take_in(run)
    answer = signed_in(request.getfixturevalue(role)).get("/thresholds/")
    assert answer.status_code == 403
    assert "sample" not in answer.content.decode()


def test_both_settings_are_offered_with_their_meaning(admin: User, signed_in: SignedIn) -> None:
    page = Seen(signed_in(admin).get("/thresholds/propose/")).text
    assert "Keep a case current until it falls by" in page
    assert "From 0 to 500 points." in page
    assert "Random share from below the threshold" in page
    assert "From 0 to 0.2 of accounts below the threshold, a month." in page
