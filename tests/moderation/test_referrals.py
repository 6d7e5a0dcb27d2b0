"""An approved referral on its way, and police holds: through the services and in SQL."""

from __future__ import annotations

from contextlib import suppress
from itertools import permutations
from typing import Any

import psycopg2
import pytest

from audit.actors import Actor
from audit.models import Entry
from moderation.domain.referrals import REFERRAL_MOVES, ReferralState
from moderation.errors import (
    HoldStands,
    IllegalReferralMove,
    InvalidDecision,
    NoHold,
    ReferralAnswered,
)
from moderation.models import PoliceHold, Referral
from moderation.selectors import holds as held
from moderation.services import holds, referrals
from staff.errors import NotAllowed
from staff.models import User
from tests.moderation import factories
from tests.moderation.sql import intruding, refused

pytestmark = pytest.mark.django_db

WORKER = Actor.system("worker")
SENT = {"destination": "ncmec", "receipt": "TIP-4711"}


@pytest.fixture
def referral(moderator: User, supervisor: User) -> Referral:
    return factories.referred(moderator, supervisor).referral


def _entries(referral: Referral) -> list[tuple[str, dict[str, Any]]]:
    found = Entry.objects.filter(
        target=f"case:{referral.case.reference}", verb__startswith="referral."
    )
    return list(found.order_by("number").values_list("verb", "after"))


def test_sent_acknowledged_and_what_became_of_it(referral: Referral, supervisor: User) -> None:
    sam = Actor.of_user(supervisor)
    sent = referrals.mark_sent(actor=WORKER, referral_id=referral.pk, **SENT)
    assert (sent.state, sent.destination, sent.receipt) == ("sent", "ncmec", "TIP-4711")
    known = referrals.acknowledge(actor=WORKER, referral_id=referral.pk, answer="With Cheshire.")
    assert (known.state, known.answer) == ("acknowledged", "With Cheshire.")
    for outcome in ("investigation", "arrest"):
        referrals.record_outcome(
            actor=sam, referral_id=referral.pk, outcome=outcome, note="Their letter of 3 March."
        )
    referral.refresh_from_db()
    assert (referral.outcome, referral.outcome_note) == ("arrest", "Their letter of 3 March.")
    assert _entries(referral) == [
        ("referral.send", {"state": "sent"} | SENT),
        ("referral.acknowledge", {"state": "acknowledged"}),
        ("referral.outcome", {"outcome": "investigation"}),
        ("referral.outcome", {"outcome": "arrest"}),
    ]


def test_a_rejection_needs_its_reason_and_ends_it(referral: Referral) -> None:
    referrals.mark_sent(actor=WORKER, referral_id=referral.pk, **SENT)
    with pytest.raises(InvalidDecision) as missing:
        referrals.reject(actor=WORKER, referral_id=referral.pk, answer=" ")
    assert missing.value.errors == {"answer": "Write the reason that the police gave."}
    gone = referrals.reject(actor=WORKER, referral_id=referral.pk, answer="Outside our area.")
    assert (gone.state, gone.answer) == ("rejected", "Outside our area.")
    with pytest.raises(IllegalReferralMove, match="is rejected; it cannot be acknowledged"):
        referrals.acknowledge(actor=WORKER, referral_id=referral.pk)
    with pytest.raises(IllegalReferralMove, match="cannot be given an outcome"):
        referrals.record_outcome(
            actor=Actor.of_user(referral.approved_by),
            referral_id=referral.pk,
            outcome="arrest",
            note="x",
        )


def test_saying_it_again_changes_nothing_and_another_number_is_refused(
    referral: Referral,
) -> None:
    first = referrals.mark_sent(actor=WORKER, referral_id=referral.pk, **SENT)
    referrals.acknowledge(actor=WORKER, referral_id=referral.pk)
    entries = Entry.objects.count()
    again = referrals.mark_sent(actor=WORKER, referral_id=referral.pk, **SENT)
    assert (again.sent_at, again.state) == (first.sent_at, "acknowledged")
    referrals.acknowledge(actor=WORKER, referral_id=referral.pk)
    with pytest.raises(ReferralAnswered, match="as number TIP-4711"):
        referrals.mark_sent(
            actor=WORKER, referral_id=referral.pk, destination="ncmec", receipt="TIP-4712"
        )
    assert Entry.objects.count() == entries


def test_nothing_is_acknowledged_before_it_was_sent(referral: Referral) -> None:
    with pytest.raises(IllegalReferralMove, match="approved and not sent yet"):
        referrals.acknowledge(actor=WORKER, referral_id=referral.pk)
    for bad in ({"destination": "pigeon"}, {"receipt": ""}, {"receipt": "x" * 101}):
        with pytest.raises(InvalidDecision):
            referrals.mark_sent(actor=WORKER, referral_id=referral.pk, **(SENT | bad))
    referral.refresh_from_db()
    assert referral.state == "approved"


def test_other_programs_do_not_say_what_happened_to_a_referral(referral: Referral) -> None:
    for source in ("command", "web", "beat"):
        with pytest.raises(NotAllowed):
            referrals.mark_sent(actor=Actor.system(source), referral_id=referral.pk, **SENT)


@pytest.mark.django_db(transaction=True)
def test_sql_makes_no_step_without_its_entry_and_changes_no_receipt(referral: Referral) -> None:
    columns = "sent_at = now(), destination = 'ncmec', receipt = 'x'"
    with refused("does not tell that it is sent") as intruder:
        intruder.run(f"UPDATE moderation_referral SET state = 'sent', {columns}")
    referrals.mark_sent(actor=WORKER, referral_id=referral.pk, **SENT)
    with refused("where and when it was sent never changes") as intruder:
        intruder.run("UPDATE moderation_referral SET receipt = 'y'")
    with refused("moderation_referral_outcome") as intruder:
        intruder.run("UPDATE moderation_referral SET outcome = 'arrest', outcome_at = now()")


def _as(state: ReferralState) -> tuple[str, list[Any]]:
    """An UPDATE that fills every column as the checks between columns want it."""
    sent = state in {"sent", "acknowledged", "rejected"}
    answered = state in {"acknowledged", "rejected"}
    return (
        (
            "UPDATE moderation_referral SET state = %s, sent_at = %s, destination = %s,"
            " receipt = %s, answered_at = %s"
        ),
        [
            state.value,
            "2026-01-01" if sent else None,
            "nca" if sent else None,
            "x" if sent else None,
            "2026-01-02" if answered else None,
        ],
    )


@pytest.mark.django_db(transaction=True)
def test_the_trigger_lets_through_exactly_the_moves_of_the_table(referral: Referral) -> None:
    through = set()
    for source, target in permutations(ReferralState, 2):
        with intruding("superuser") as superuser:
            superuser.run("SET session_replication_role = replica")
            statement, values = _as(source)
            superuser.run(statement, *values)
        with intruding() as intruder, suppress(psycopg2.errors.CheckViolation):
            statement, values = _as(target)
            intruder.run(statement, *values)
            through.add((source, target))
            intruder.connection.rollback()
    assert through == {(move.source, move.target) for move in REFERRAL_MOVES}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("SET outcome = 'arrest', outcome_at = now()", "does not tell of its outcome"),
        ("SET outcome = 'no_action', outcome_at = now()", "does not tell of its outcome"),
        ("SET outcome = 'no_action', outcome_at = outcome_at", "only a later outcome"),
        ("SET outcome = 'no_action', outcome_at = '2026-01-01'", "only a later outcome"),
        ("SET outcome = NULL, outcome_at = NULL, outcome_note = NULL", "only a later outcome"),
        ("SET outcome_note = 'x'", "kept, or removed"),
        ("SET summary = 'x'", "kept, or removed"),
        ("SET summary = '(removed)'", "does not tell of it"),
    ],
)
def test_sql_invents_no_outcome_and_rewrites_nothing(
    referral: Referral, supervisor: User, statement: str, says: str
) -> None:
    """Also not one that was recorded before: its entry is older than the time in the row."""
    sam = Actor.of_user(supervisor)
    referrals.mark_sent(actor=sam, referral_id=referral.pk, destination="nca", receipt="NCA-1")
    referrals.acknowledge(actor=sam, referral_id=referral.pk)
    for outcome in ("no_action", "investigation"):
        referrals.record_outcome(
            actor=sam, referral_id=referral.pk, outcome=outcome, note="By letter."
        )
    with refused(says) as intruder:
        intruder.run(f"UPDATE moderation_referral {statement}")


# -- Police holds ------------------------------------------------------------------------------


def test_a_hold_is_set_and_lifted_with_reasons(referral: Referral, supervisor: User) -> None:
    sam, case = Actor.of_user(supervisor), referral.case
    hold = holds.set_hold(actor=sam, case_id=case.pk, reason="DC Hill asked for quiet until May.")
    assert held.is_held(case.account_id)
    assert list(held.held_accounts()) == [case.account_id]
    with pytest.raises(HoldStands):
        holds.set_hold(actor=sam, case_id=case.pk, reason="Again.")
    holds.lift_hold(actor=sam, case_id=case.pk, reason="The arrest was made.")
    assert not held.is_held(case.account_id)
    with pytest.raises(NoHold):
        holds.lift_hold(actor=sam, case_id=case.pk, reason="Again.")
    verbs = Entry.objects.filter(verb__startswith="hold.").order_by("number")
    assert [(e.verb, e.after) for e in verbs] == [
        ("hold.set", {"hold": hold.pk}),
        ("hold.lift", {"hold": hold.pk}),
    ]
    assert "DC Hill" not in str(list(verbs.values()))


def test_a_hold_without_a_reason_is_refused(referral: Referral, supervisor: User) -> None:
    with pytest.raises(InvalidDecision):
        holds.set_hold(actor=Actor.of_user(supervisor), case_id=referral.case_id, reason=" ")
    assert not PoliceHold.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_sql_sets_lifts_and_removes_no_hold(referral: Referral, supervisor: User) -> None:
    case = referral.case
    insert = (
        "INSERT INTO moderation_policehold (account_id, case_id, reason, set_by_id, set_at)"
        " VALUES (%s, %s, 'x', %s, now())"
    )
    with refused("does not tell that it was set") as intruder:
        intruder.run(insert, case.account_id, case.pk, supervisor.pk)
    holds.set_hold(actor=Actor.of_user(supervisor), case_id=case.pk, reason="Asked by the police.")
    with refused("moderation_one_hold") as intruder:
        intruder.run(insert, case.account_id, case.pk, supervisor.pk)
    with refused("does not tell that it was lifted") as intruder:
        intruder.run(
            "UPDATE moderation_policehold SET lifted_at = now(), lifted_by_id = %s,"
            " lift_reason = 'x'",
            supervisor.pk,
        )
    with refused("nothing else changes") as intruder:
        intruder.run("UPDATE moderation_policehold SET reason = 'y'")
    with refused("is refused: this is kept") as intruder:
        intruder.run("DELETE FROM moderation_policehold")
