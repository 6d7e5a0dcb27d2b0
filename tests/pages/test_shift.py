"""A moderator's shift: limits and a break, skipping, leaving out, the end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from moderation.domain.transitions import State
from moderation.errors import ShiftFull
from moderation.models import Case, Exposure, Shift
from moderation.selectors import care as select
from moderation.services import bulk_decisions, care, claims, reveals
from staff.models import User
from tests.moderation import factories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def tight(admin: User) -> None:
    """Two cases are enough for one shift."""
    care.set_terms(
        actor=Actor.of_user(admin), cases=2, critical=2, reveals=1, contacts="Ask for Sam."
    )


def test_a_break_is_offered_before_one_case_too_many(
    tight: None, moderator: User, signed_in: SignedIn
) -> None:
    browser = signed_in(moderator)
    cases = [factories.case() for _ in range(3)]
    assert "/cases/" in browser.post("/queue/start/")["Location"]
    decided = _held_by(moderator)
    response = browser.post(f"/cases/{decided.reference}/dismiss/", _dismissal(decided))
    assert "/cases/" in response["Location"]

    second = _held_by(moderator)
    response = browser.post(f"/cases/{second.reference}/dismiss/", _dismissal(second), follow=True)

    assert response.redirect_chain == [("/shift/pause/", 303)]
    page = Seen(response)
    assert f"{second.reference} is dismissed." in page.text
    assert "This shift has held 2 cases" in page.text
    assert "Ask for Sam." in page.text
    assert not Case.objects.filter(holder=moderator).exists()
    third = next(c for c in cases if c.pk not in (decided.pk, second.pk))
    for url in ("/queue/start/", f"/cases/{third.reference}/claim/"):
        assert browser.post(url)["Location"] == "/shift/pause/"

    assert browser.post("/shift/pause/")["Location"] == f"/cases/{third.reference}/"
    assert Entry.objects.filter(verb="care.go_on").count() == 1


def test_the_limit_holds_whichever_way_a_case_is_taken(
    tight: None, moderator: User, moderator2: User
) -> None:
    actor = Actor.of_user(moderator)
    first, second, third, fourth = (factories.case() for _ in range(4))
    claims.claim(actor=actor, case_id=first.pk)

    # Of cases that belong together, as many as there is room for, in their order
    ids = [third.pk, second.pk, fourth.pk]
    assert claims.claim_together(actor=actor, case_ids=ids) == [third]

    for taken in (
        lambda: claims.claim(actor=actor, case_id=second.pk),
        lambda: claims.claim_next(actor=actor),
        lambda: claims.claim_together(actor=actor, case_ids=[second.pk, fourth.pk]),
    ):
        with pytest.raises(ShiftFull, match="Your shift has held 2 cases"):
            taken()
    assert set(Case.objects.filter(holder=moderator)) == {first, third}
    # What the shift has held already adds nothing; and nobody else is held up
    claims.release(actor=actor, case_id=first.pk)
    assert claims.claim(actor=actor, case_id=first.pk).holder == moderator
    assert claims.claim_next(actor=Actor.of_user(moderator2)) == second
    care.go_on(actor=actor)
    assert claims.claim(actor=actor, case_id=fourth.pk).holder == moderator


def test_deciding_several_stops_at_the_limit(
    tight: None, moderator: User, signed_in: SignedIn
) -> None:
    cases = [factories.case() for _ in range(3)]
    browser = signed_in(moderator)
    page = Seen(browser.get("/queue/bulk/", {"case": [case.pk for case in cases]}))
    assert "2 of them would be decided" in page.text
    assert "Left alone. Your shift has no room for it." in page.text

    job = bulk_decisions.ask(
        actor=Actor.of_user(moderator),
        verb="dismiss",
        versions={case.pk: case.version for case in cases},
        note="One family.",
        reason="family",
    )
    bulk_decisions.run(job.pk)

    assert Case.objects.filter(state=State.DISMISSED).count() == 2
    text = Seen(browser.get(f"/queue/bulk/{job.pk}/")).text
    assert "2 are dismissed, 1 was left alone." in text
    assert "Your shift has held 2 cases. Take a break" in text


def test_linked_cases_beyond_the_limit_lead_to_the_break(
    tight: None, moderator: User, signed_in: SignedIn
) -> None:
    for _ in range(2):
        factories.held(moderator)
    case, other = factories.case(), factories.case()
    child, second = factories.child(), factories.child()
    for account in (case.account, other.account):
        for target in (child, second):
            factories.evidence(account.assessments.get(), factories.event(account, target))
    answer = signed_in(moderator).post(
        f"/cases/{case.reference}/linked/", {"case": [case.pk, other.pk]}
    )
    assert answer["Location"] == "/shift/pause/"


def test_supervisors_see_what_the_team_has_carried_and_nobody_by_themselves(
    moderator: User, moderator2: User, supervisor: User, supervisor2: User, signed_in: SignedIn
) -> None:
    browser = signed_in(supervisor)
    factories.held(moderator)
    assert "Too few people for sums" in Seen(browser.get("/shift/")).text

    for user in (moderator2, supervisor2):
        factories.held(user)
    care.go_on(actor=Actor.of_user(moderator2))

    text = Seen(browser.get("/shift/")).text
    assert "Last 24 hours 3 3 0 0 0 1" in text
    assert moderator.name not in text
    assert "The team together" not in Seen(signed_in(moderator).get("/shift/")).text


def test_seeing_names_counts(tight: None, moderator: User, signed_in: SignedIn) -> None:
    case = factories.held(moderator)
    reveals.reveal(actor=Actor.of_user(moderator), case_id=case.pk, reason="check_age")

    page = Seen(signed_in(moderator).get("/shift/"))

    assert "Names revealed 1 of 1" in page.text
    assert "names revealed 1 times" in page.text


def test_a_skipped_case_goes_to_others(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator)
    browser = signed_in(moderator)
    assert (
        f"/cases/{case.reference}/skip/" in Seen(browser.get(f"/cases/{case.reference}/")).actions
    )

    response = browser.post(f"/cases/{case.reference}/skip/", follow=True)

    text = Seen(response).text
    assert f"{case.reference} is left to others." in text
    assert "Nothing else is open for you" in text
    case.refresh_from_db()
    assert case.state == State.OPEN
    # The trail shows a release like any other
    last = Entry.objects.filter(target=f"case:{case.reference}").latest("number")
    assert (last.verb, last.reason) == ("case.release", "")
    assert claims.claim_next(actor=Actor.of_user(moderator)) is None
    taken = claims.claim_next(actor=Actor.of_user(moderator2))
    assert taken == case


def test_what_somebody_leaves_out_is_not_offered(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    grave, usual = factories.case(points=500.0), factories.case()
    assert grave.severity == "critical"
    browser = signed_in(moderator)

    browser.post("/shift/choose/", {"left_out": ["critical"]})

    assert 'value="critical"' in browser.get("/shift/").content.decode()
    assert browser.post("/queue/start/")["Location"] == f"/cases/{usual.reference}/"
    assert claims.claim_next(actor=Actor.of_user(moderator)) is None
    assert claims.claim_next(actor=Actor.of_user(moderator2)) == grave
    # Not what, and nothing for anybody else to see
    entry = Entry.objects.get(verb="care.choose")
    assert (entry.before, entry.after, entry.reason) == ({}, {}, "")
    assert not select.left_out(moderator2)


def test_an_unknown_category_changes_nothing(moderator: User, signed_in: SignedIn) -> None:
    signed_in(moderator).post("/shift/choose/", {"left_out": ["everything"]})
    assert not select.left_out(moderator)
    assert not Entry.objects.filter(verb="care.choose").exists()


def test_ending_gives_back_and_sums_up_without_content(
    moderator: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator)
    factories.dismissed(moderator)

    response = signed_in(moderator).post("/shift/end/", follow=True)

    page = Seen(response)
    assert "2 Standard" in page.text
    assert "1 dismissed" in page.text
    assert case.reference not in page.text
    case.refresh_from_db()
    assert case.state == State.OPEN
    assert select.running(moderator, timezone.now()) is None


def test_a_shift_is_over_after_a_long_pause(moderator: User) -> None:
    factories.held(moderator)
    long_ago = timezone.now() - timedelta(hours=9)
    Shift.objects.update(began_at=long_ago)
    Exposure.objects.update(at=long_ago)
    assert select.standing(moderator, timezone.now()).cases == 0

    factories.held(moderator)

    assert Shift.objects.count() == 2
    assert Shift.objects.get(ended_at__isnull=False).ended_at == long_ago
    assert select.standing(moderator, timezone.now()).cases == 1


def test_an_admin_sets_the_limits(admin: User, moderator: User, signed_in: SignedIn) -> None:
    browser = signed_in(admin)
    given = {"cases": 10, "critical": 2, "reveals": 3, "contacts": "Ring 123."}

    response = browser.post("/care/", given | {"cases": 0})
    assert response.status_code == 422
    assert browser.post("/care/", given)["Location"] == "/care/"

    assert select.standing(moderator, timezone.now()).limits.cases == 10
    assert "Ring 123." in Seen(signed_in(moderator).get("/help/")).text
    assert Entry.objects.get(verb="care.set_terms").after["cases"] == 10


def test_somebody_to_talk_to_is_at_the_foot_of_every_page(
    moderator: User, signed_in: SignedIn
) -> None:
    browser = signed_in(moderator)
    for url in ("/queue/", "/shift/", "/shift/pause/", "/shift/end/", "/preferences/"):
        assert "/help/#talk" in Seen(browser.get(url)).links


def _held_by(user: User) -> Case:
    return Case.objects.get(holder=user)


def _dismissal(case: Case) -> dict[str, object]:
    return {"version": case.version, "reason": "family", "note": "An uncle.", "next": "1"}
