"""Second looks: which decisions, by whom, without knowing, and what they show of the team."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from audit.actors import Actor
from audit.models import Entry
from moderation.access import visible_cases
from moderation.domain.second_look import Agreement, compare, is_sampled
from moderation.domain.transitions import Verb
from moderation.errors import InvalidDecision, LookGone
from moderation.models import Case, SecondLook
from moderation.selectors.second_looks import FEWEST, figures
from moderation.services import claims, decisions, second_looks, undo, upkeep
from staff.models import User
from tests.moderation import factories
from tests.moderation.sql import refused


def _reference(number: int) -> str:
    return f"SL-2026-{number:06}"


@given(number=st.integers(0, 999_999), version=st.integers(1, 50), secret=st.binary(min_size=16))
def test_the_draw_is_the_same_each_time_and_grows_with_the_share(
    number: int, version: int, secret: bytes
) -> None:
    drawn = [
        is_sampled(reference=_reference(number), version=version, percent=percent, secret=secret)
        for percent in range(101)
    ]
    assert drawn == sorted(drawn)
    assert (drawn[0], drawn[100]) == (False, True)


def test_about_the_share_that_was_asked_for_is_drawn() -> None:
    drawn = sum(
        is_sampled(reference=_reference(n), version=3, percent=5, secret=b"k" * 32)
        for n in range(10_000)
    )
    assert 400 < drawn < 600
    other = [
        is_sampled(reference=_reference(n), version=3, percent=50, secret=b"l" * 32)
        != is_sampled(reference=_reference(n), version=3, percent=50, secret=b"k" * 32)
        for n in range(1_000)
    ]
    assert 400 < sum(other) < 600, "another secret draws others"


@pytest.mark.parametrize(
    ("first", "second", "reason", "second_reason", "says"),
    [
        ("dismiss", "dismiss", "family", "family", "same"),
        ("dismiss", "dismiss", "family", "data_error", "other_reason"),
        ("dismiss", "monitor", "family", "", "graver"),
        ("dismiss", "escalate", "family", "", "graver"),
        ("monitor", "escalate", "", "", "graver"),
        ("monitor", "monitor", "", "", "same"),
        ("monitor", "dismiss", "", "family", "milder"),
    ],
)
def test_agreement(first: str, second: str, reason: str, second_reason: str, says: str) -> None:
    found = compare(Verb(first), Verb(second), reason=reason, second_reason=second_reason)
    assert found is Agreement(says)


@pytest.fixture
def always(db: None, settings: Any) -> None:
    settings.SECOND_LOOK_PERCENT = 100


def _finish(who: User, look: SecondLook, **given: Any) -> SecondLook:
    values: dict[str, Any] = {"verb": "dismiss", "reason": "family", "note": "Same surname."}
    return second_looks.finish(actor=Actor.of_user(who), look_id=look.pk, **(values | given))


@pytest.mark.django_db
def test_none_without_a_share(moderator: User) -> None:
    factories.dismissed(moderator)
    assert not SecondLook.objects.exists()


@pytest.mark.usefixtures("always")
def test_dismissals_and_monitorings_are_drawn_and_escalations_are_not(
    moderator: User, moderator2: User
) -> None:
    dismissed, monitored = factories.dismissed(moderator), factories.monitored(moderator)
    factories.escalated(moderator)
    drawn = {look.decision.case for look in SecondLook.objects.all()}
    assert drawn == {dismissed, monitored}
    assert not Entry.objects.filter(target__startswith="case:", verb__contains="look").exists()


@pytest.mark.usefixtures("always")
def test_never_by_who_decided_on_the_case(moderator: User, moderator2: User) -> None:
    factories.dismissed(moderator)
    assert second_looks.start(actor=Actor.of_user(moderator)) is None
    look = second_looks.start(actor=Actor.of_user(moderator2))
    assert look is not None
    assert second_looks.start(actor=Actor.of_user(moderator2)) == look, "begun ones come first"
    with pytest.raises(LookGone):
        _finish(moderator, look)


@pytest.mark.usefixtures("always")
def test_the_answer_is_kept_once_and_changes_nothing(moderator: User, moderator2: User) -> None:
    case = factories.dismissed(moderator)
    look = second_looks.start(actor=Actor.of_user(moderator2))
    assert look is not None
    for wrong, field in (
        ({"verb": "refer"}, "verb"),
        ({"reason": "odd"}, "reason"),
        ({"note": " "}, "note"),
    ):
        with pytest.raises(InvalidDecision) as refusal:
            _finish(moderator2, look, **wrong)
        assert set(refusal.value.errors) == {field}
    answered = _finish(moderator2, look, verb="escalate", reason="family")
    assert (answered.agreement, answered.reason) == ("graver", "")
    with pytest.raises(LookGone):
        _finish(moderator2, look)
    after = Case.objects.get(pk=case.pk)
    assert (after.state, after.version) == (case.state, case.version)
    entry = Entry.objects.get(verb="second_look.finish")
    assert entry.after == {"verb": "escalate", "agreement": "graver"}


@pytest.mark.usefixtures("always")
def test_who_leaves_it_for_an_hour_loses_it(
    moderator: User, moderator2: User, supervisor: User
) -> None:
    factories.dismissed(moderator)
    look = second_looks.start(actor=Actor.of_user(moderator2))
    assert look is not None
    assert second_looks.start(actor=Actor.of_user(supervisor)) is None
    SecondLook.objects.update(started_at=timezone.now() - timedelta(minutes=61))
    assert second_looks.start(actor=Actor.of_user(supervisor)) == look
    with pytest.raises(LookGone):
        _finish(moderator2, look)


@pytest.mark.usefixtures("always")
def test_who_lost_one_and_saw_the_case_since_is_not_asked_again(
    moderator: User, moderator2: User, supervisor: User
) -> None:
    case = factories.dismissed(moderator)
    look = second_looks.start(actor=Actor.of_user(moderator2))
    assert not visible_cases(moderator2).filter(pk=case.pk).exists()
    for person, asked in ((supervisor, look), (moderator2, None)):
        SecondLook.objects.update(started_at=factories.ago(minutes=61))
        assert second_looks.start(actor=Actor.of_user(person)) == asked
        assert visible_cases(moderator2).filter(pk=case.pk).exists()
    assert second_looks.start(actor=Actor.of_user(supervisor)) == look


@pytest.mark.usefixtures("always")
def test_who_comes_back_late_goes_on_with_the_same_one(
    moderator: User, moderator2: User, supervisor: User
) -> None:
    factories.dismissed(moderator)
    look = second_looks.start(actor=Actor.of_user(moderator2))
    factories.dismissed(moderator)
    SecondLook.objects.filter(by=moderator2).update(started_at=factories.ago(minutes=61))
    SecondLook.objects.filter(by=None).update(chosen_at=factories.ago(days=1))
    assert second_looks.start(actor=Actor.of_user(moderator2)) == look
    other = second_looks.start(actor=Actor.of_user(supervisor))
    assert other not in (None, look), "it is held again"


@pytest.mark.usefixtures("always")
def test_never_where_somebody_works_on_the_case_or_wrote_about_it(
    moderator: User, moderator2: User, supervisor: User
) -> None:
    case = factories.monitored(moderator)
    decisions.add_note(actor=Actor.of_user(supervisor), case_id=case.pk, text="Ask the school.")
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        upkeep.resume_monitored(actor=Actor.system("worker"))
        claims.claim(actor=Actor.of_user(moderator2), case_id=case.pk)
        for person in (moderator2, supervisor):
            assert second_looks.start(actor=Actor.of_user(person)) is None


@pytest.mark.usefixtures("always")
def test_the_case_is_given_to_others_meanwhile(
    moderator: User, moderator2: User, supervisor: User
) -> None:
    case = factories.monitored(moderator)
    look = second_looks.start(actor=Actor.of_user(moderator2))
    assert look is not None
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        upkeep.resume_monitored(actor=Actor.system("worker"))
        assert claims.claim_next(actor=Actor.of_user(moderator2)) is None
        both = claims.claim_together(actor=Actor.of_user(moderator2), case_ids=[case.pk])
        assert both == []
        assert claims.claim_next(actor=Actor.of_user(supervisor)) == case


@pytest.mark.usefixtures("always")
def test_a_decision_that_is_taken_back_needs_none(moderator: User) -> None:
    case = factories.dismissed(moderator)
    undo.undo(actor=Actor.of_user(moderator), case_id=case.pk, version=case.version)
    assert not SecondLook.objects.exists()


@pytest.mark.usefixtures("always")
def test_figures_of_the_team_from_ten_answers_on(moderator: User, moderator2: User) -> None:
    for number in range(FEWEST):
        factories.dismissed(moderator)
        assert figures(timezone.now()).shares == []
        look = second_looks.start(actor=Actor.of_user(moderator2))
        assert look is not None
        given = {"verb": "escalate"} if number < 2 else {"reason": "ordinary_behaviour"}
        _finish(moderator2, look, **given)
    factories.dismissed(moderator)
    found = figures(timezone.now())
    assert (found.answered, found.waiting) == (10, 1)
    shares = {number: share for _, number, share in found.shares if number}
    assert shares == {8: 80, 2: 20}
    assert figures(timezone.now() + timedelta(days=91)).answered == 0


@pytest.mark.django_db(transaction=True)
def test_sql_looks_at_no_own_decision_and_changes_no_answer(
    moderator: User, moderator2: User, settings: Any
) -> None:
    settings.SECOND_LOOK_PERCENT = 100
    factories.dismissed(moderator)
    with refused("never by the person who decided") as intruder:
        intruder.run(
            "UPDATE moderation_secondlook SET by_id = %s, started_at = now()", moderator.pk
        )
    look = second_looks.start(actor=Actor.of_user(moderator2))
    assert look is not None
    _finish(moderator2, look)
    for statement in (
        "UPDATE moderation_secondlook SET agreement = 'same'",
        "DELETE FROM moderation_secondlook",
    ):
        with refused("kept as it was given") as intruder:
            intruder.run(statement)
