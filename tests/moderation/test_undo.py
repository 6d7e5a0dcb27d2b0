"""Taking a decision back: who, for how long, and what it puts back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from moderation.domain.transitions import State
from moderation.errors import CannotUndo, FourEyes, IllegalMove, StaleCase
from moderation.models import Case, Decision, Draft
from moderation.services import claims, decisions, departures, escalation, undo
from moderation.services.moves import RESTORED
from staff.models import User
from tests.moderation import factories
from tests.moderation.sql import intruding, refused

pytestmark = pytest.mark.django_db


def _dismiss(case: Case, who: User) -> Case:
    return decisions.dismiss(
        actor=Actor.of_user(who),
        case_id=case.pk,
        version=case.version,
        reason="family",
        note="An uncle.",
    )


def _monitor(case: Case, who: User) -> Case:
    return decisions.monitor(
        actor=Actor.of_user(who),
        case_id=case.pk,
        version=case.version,
        until=timezone.localdate() + timedelta(days=7),
        note="Wait for the school.",
    )


def _escalate(case: Case, who: User) -> Case:
    return escalation.escalate(
        actor=Actor.of_user(who),
        case_id=case.pk,
        version=case.version,
        severity="critical",
        note="Four children.",
        ask="Refer?",
    )


DECISIONS = (_dismiss, _monitor, _escalate)


def _undo(case: Case, who: User, **given: Any) -> Case:
    return undo.undo(
        actor=Actor.of_user(who), case_id=case.pk, **({"version": case.version} | given)
    )


@pytest.mark.parametrize("decide", DECISIONS)
def test_everything_is_as_it_was_and_both_stay_in_the_history(
    moderator: User, decide: Callable[[Case, User], Case]
) -> None:
    held = factories.held(moderator)
    before = {name: getattr(Case.objects.get(pk=held.pk), name) for name in RESTORED}
    decided = decide(held, moderator)

    back = _undo(decided, moderator)

    back.refresh_from_db()
    assert {name: getattr(back, name) for name in RESTORED} == before
    assert (back.state, back.holder, back.version) == ("in_review", moderator, decided.version + 1)
    assert back.is_held_by(moderator, timezone.now() + timedelta(minutes=19))
    taken, undone = Decision.objects.filter(case=back)
    assert (undone.verb, undone.details) == ("undo", {"undone": taken.verb})
    entry = Entry.objects.get(number=undone.entry_id)
    assert (entry.verb, entry.actor) == ("case.undo", Actor.of_user(moderator).label)
    assert (entry.before["state"], entry.after["state"]) == (decided.state, "in_review")


def test_what_was_written_is_a_draft_again(moderator: User) -> None:
    _undo(_escalate(factories.held(moderator), moderator), moderator)
    draft = Draft.objects.get()
    assert (draft.form, draft.by) == ("escalate", moderator)
    assert draft.words == {"severity": "critical", "note": "Four children.", "ask": "Refer?"}


@pytest.mark.parametrize("decide", DECISIONS)
def test_nobody_else_takes_it_back(
    moderator: User, supervisor: User, decide: Callable[[Case, User], Case]
) -> None:
    decided = decide(factories.held(moderator), moderator)
    with pytest.raises(CannotUndo, match="Only Mo Reyes, who decided, can take it back"):
        _undo(decided, supervisor)
    decided.refresh_from_db()
    assert decided.state != "in_review"


@pytest.mark.parametrize(("minutes", "stays"), [(9.9, False), (10.1, True)])
def test_for_ten_minutes(moderator: User, minutes: float, stays: bool) -> None:
    decided = _dismiss(factories.held(moderator), moderator)
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes), tick=False):
        if stays:
            with pytest.raises(CannotUndo, match="for 10 minutes"):
                _undo(decided, moderator)
        else:
            assert _undo(decided, moderator).state == "in_review"


def test_not_once_the_case_has_changed(moderator: User, supervisor: User) -> None:
    escalated = _escalate(factories.held(moderator), moderator)
    escalation.send_back(
        actor=Actor.of_user(supervisor), case_id=escalated.pk, version=escalated.version, note="?"
    )
    with pytest.raises(StaleCase):
        _undo(escalated, moderator)
    with pytest.raises(IllegalMove):
        _undo(escalated, moderator, version=escalated.version + 1)


def test_a_supervisor_s_decision_is_not_taken_back(moderator: User, supervisor: User) -> None:
    escalated = factories.escalated(moderator)
    dismissed = escalation.dismiss(
        actor=Actor.of_user(supervisor),
        case_id=escalated.pk,
        version=escalated.version,
        reason="family",
        note="An uncle.",
    )
    with pytest.raises(CannotUndo, match="Only what was just decided on a held case"):
        _undo(dismissed, supervisor)


@pytest.fixture
def sent() -> Iterator[list[str]]:
    """Something that leaves the house; tests say what has left."""
    left: list[str] = []

    def recall(_case: Case, _decision: Decision) -> str:
        return left[0] if left else ""

    departures.provide_recall(recall)
    yield left
    departures.withdraw_recall(recall)


def test_not_once_something_has_left_the_house(moderator: User, sent: list[str]) -> None:
    decided = _escalate(factories.held(moderator), moderator)
    sent.append("A message went to the platform at 14:20 UTC.")
    with pytest.raises(CannotUndo, match="went to the platform"):
        _undo(decided, moderator)
    sent.clear()
    assert _undo(decided, moderator).state == "in_review"


def test_an_escalation_that_was_taken_back_still_counts_for_the_four_eyes(
    supervisor: User, moderator: User
) -> None:
    back = _undo(_escalate(factories.held(supervisor), supervisor), supervisor)
    assert back.escalated_by is None
    claims.release(actor=Actor.of_user(supervisor), case_id=back.pk)
    again = _escalate(claims.claim(actor=Actor.of_user(moderator), case_id=back.pk), moderator)
    with pytest.raises(FourEyes):
        escalation.refer(
            actor=Actor.of_user(supervisor), case_id=again.pk, version=again.version, note="Mine."
        )


def test_it_can_be_decided_and_taken_back_again(moderator: User) -> None:
    case = factories.held(moderator)
    for decide in DECISIONS:
        case = _undo(decide(case, moderator), moderator)
    assert _dismiss(case, moderator).state == "dismissed"


# -- In SQL, as the application's role -----------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_sql_takes_back_nobody_s_old_or_other_decision(
    moderator: User, moderator2: User, supervisor: User
) -> None:
    dismissed = factories.dismissed(moderator)
    with refused("only who just decided it takes it back") as intruder:
        intruder.move(dismissed, State.IN_REVIEW, holder_id=moderator2.pk)
        intruder.forge(dismissed, "undo", moderator2)
    with intruding("superuser") as superuser:
        superuser.run("SET session_replication_role = replica")
        superuser.run("UPDATE moderation_decision SET at = at - interval '11 minutes'")
    with refused("only who just decided it takes it back") as intruder:
        intruder.move(dismissed, State.IN_REVIEW, holder_id=moderator.pk)
        intruder.forge(dismissed, "undo", moderator)


@pytest.mark.django_db(transaction=True)
def test_sql_names_no_other_escalator_while_taking_back(moderator: User, supervisor: User) -> None:
    escalated = factories.escalated(moderator)
    with refused("who escalated it is somebody who did, or nobody") as intruder:
        intruder.move(
            escalated,
            State.IN_REVIEW,
            holder_id=moderator.pk,
            escalated_by_id=supervisor.pk,
        )
