"""Seeing the names of a case's children: by whom, with which reason, for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.actors import Actor
from audit.models import Entry
from moderation.domain.reveals import LASTS
from moderation.errors import InvalidDecision, NotInHand
from moderation.models import Case, Reveal
from moderation.services import claims, reveals
from staff.models import User
from tests.moderation import factories
from tests.moderation.sql import refused

pytestmark = pytest.mark.django_db


def test_a_reveal_is_kept_with_its_reason_and_its_end(moderator: User) -> None:
    case = factories.held(moderator)

    shown = _reveal(moderator, case, note="The aunt of Ann Other, it seems.")

    assert shown.ends_at - shown.at == LASTS
    entry = Entry.objects.get(pk=shown.entry_id)
    assert (entry.verb, entry.target, entry.reason) == (
        "case.reveal",
        f"case:{case.reference}",
        "know_each_other",
    )
    # What people write may hold names: it never reaches the trail
    assert "Ann" not in str([entry.before, entry.after, entry.reason])


def test_only_who_works_on_the_case_sees_names(
    moderator: User, moderator2: User, supervisor: User
) -> None:
    open_, held, escalated = (
        factories.case(),
        factories.held(moderator2),
        factories.escalated(moderator),
    )

    for case in (open_, held, escalated):
        with pytest.raises(NotInHand, match=case.reference):
            _reveal(moderator, case)
    for case in (open_, held):
        with pytest.raises(NotInHand):
            _reveal(supervisor, case)
    assert _reveal(supervisor, escalated).by == supervisor
    assert not Entry.objects.filter(verb="case.reveal").exclude(
        target=f"case:{escalated.reference}"
    )


def test_a_lapsed_hold_shows_no_names(moderator: User) -> None:
    case = factories.held(moderator)
    past = case.opened_at - timedelta(hours=1)
    Case.objects.filter(pk=case.pk).update(lease_expires_at=past)

    with pytest.raises(NotInHand):
        _reveal(moderator, case)


@pytest.mark.parametrize("reason", ["", "curious"])
def test_a_reason_is_one_of_those_offered(moderator: User, reason: str) -> None:
    case = factories.held(moderator)

    with pytest.raises(InvalidDecision) as refusal:
        _reveal(moderator, case, reason=reason)

    assert set(refusal.value.errors) == {"reason"}
    assert not Reveal.objects.exists()


def test_names_are_hidden_again_at_once(moderator: User) -> None:
    case = factories.held(moderator)
    shown = _reveal(moderator, case)

    assert reveals.conceal(actor=Actor.of_user(moderator), case_id=case.pk) == 1
    assert reveals.conceal(actor=Actor.of_user(moderator), case_id=case.pk) == 0

    shown.refresh_from_db()
    assert shown.ends_at < shown.at + LASTS
    assert Entry.objects.filter(verb="case.conceal").count() == 1


def test_a_new_claim_needs_a_new_reveal(moderator: User) -> None:
    case = factories.held(moderator)
    _reveal(moderator, case)
    claims.release(actor=Actor.of_user(moderator), case_id=case.pk)

    with pytest.raises(NotInHand):
        _reveal(moderator, case)


@pytest.mark.django_db(transaction=True)
def test_the_database_keeps_reveals_as_they_were(moderator: User, moderator2: User) -> None:
    shown = _reveal(moderator, factories.held(moderator))

    copy = (
        "INSERT INTO moderation_reveal (case_id, by_id, reason, note, at, ends_at, entry_id) "
        f"SELECT case_id, {moderator2.pk}, reason, note, at, ends_at, entry_id "
        "FROM moderation_reveal"
    )
    for statement, says in (
        (f"UPDATE moderation_reveal SET by_id = {moderator2.pk}", "may end earlier"),
        ("UPDATE moderation_reveal SET ends_at = ends_at + interval '1 hour'", "may end earlier"),
        (copy, "does not tell of this person"),
        ("DELETE FROM moderation_reveal", "is refused: this is kept"),
    ):
        with refused(says) as intruder:
            intruder.run(statement)
    shown.refresh_from_db()
    assert shown.by == moderator


def _reveal(who: User, case: Case, reason: str = "know_each_other", note: str = "") -> Reveal:
    return reveals.reveal(actor=Actor.of_user(who), case_id=case.pk, reason=reason, note=note)
