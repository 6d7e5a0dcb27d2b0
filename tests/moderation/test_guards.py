"""What the database refuses to the application's own role, whatever the program would do."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import psycopg2
import pytest
from pytest_django.fixtures import Settings

from audit.actors import Actor
from audit.models import Entry
from audit.services import verify
from moderation.domain.transitions import State, allowed_pairs
from moderation.models import Case, Referral, SecondLook
from moderation.services import care, claims, decisions, escalation, second_looks, undo
from staff.models import User
from tests.moderation import factories
from tests.moderation.sql import intruding, refused

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def escalated(moderator: User) -> Case:
    return factories.escalated(moderator)


@pytest.fixture
def returned(supervisor: User, supervisor2: User) -> Case:
    """Escalated by one supervisor and returned to the queue by the other."""
    case = factories.escalated(supervisor)
    return escalation.send_back(
        actor=Actor.of_user(supervisor2),
        case_id=case.pk,
        version=case.version,
        note="Which of the schools do they go to?",
    )


def test_the_trigger_lets_through_exactly_the_pairs_of_the_table(
    moderator: User, supervisor: User
) -> None:
    """Every pair of different states is tried on a case that a superuser put into the first."""
    case = factories.case()
    people = {
        State.IN_REVIEW: {"holder_id": moderator.pk},
        State.ESCALATED: {"escalated_by_id": moderator.pk},
        State.REFERRED: {"referred_by_id": supervisor.pk, "escalated_by_id": moderator.pk},
    }
    let_through = set()
    for source, target in permutations(State, 2):
        with intruding("superuser") as superuser:
            superuser.run("SET session_replication_role = replica")
            superuser.move(case, source, **({"escalated_by_id": None} | people.get(source, {})))
        columns: dict[str, Any] = people.get(target, {})
        if source in {State.ESCALATED, State.REFERRED}:
            # Taking an escalation back leaves the escalator who was there before: nobody.
            back = (source, target) == (State.ESCALATED, State.IN_REVIEW)
            columns = {**columns, "escalated_by_id": None if back else moderator.pk}
        try:
            with intruding() as intruder:
                intruder.move(case, target, **columns)
                let_through.add((source, target))
                intruder.connection.rollback()
        except psycopg2.errors.CheckViolation as error:
            assert f"cannot go from {source} to {target}" in str(error)  # noqa: PT017 - the block around it says which pair
    assert let_through == allowed_pairs()


# -- Four eyes -------------------------------------------------------------------------------


def test_an_escalator_s_name_in_referred_by_is_refused(escalated: Case, moderator: User) -> None:
    with refused("four_eyes|never refers") as intruder:
        intruder.refer(escalated, moderator, moderator)


@pytest.mark.parametrize("value", ["NULL", "%s"])
def test_the_escalator_cannot_be_cleared_or_replaced(
    escalated: Case, supervisor: User, value: str
) -> None:
    with refused("who holds, escalated or referred it changes only with its state") as intruder:
        statement = f"UPDATE moderation_case SET escalated_by_id = {value} WHERE id = %s"
        names = [] if value == "NULL" else [supervisor.pk]
        intruder.run(statement, *names, escalated.pk)


@pytest.mark.parametrize("state", [State.OPEN, State.DISMISSED])
def test_the_escalator_cannot_be_cleared_on_the_way_out(escalated: Case, state: State) -> None:
    with refused("changes only when it is escalated") as intruder:
        intruder.move(escalated, state, escalated_by_id=None)


def test_the_escalator_cannot_be_replaced_on_the_way_to_the_police(
    escalated: Case, moderator: User, supervisor: User
) -> None:
    with refused("changes only when it is escalated") as intruder:
        intruder.move(
            escalated,
            State.REFERRED,
            escalated_by_id=supervisor.pk,
            referred_by_id=moderator.pk,
        )


def test_returning_and_escalating_under_another_name_launders_nothing(
    supervisor: User, moderator: User
) -> None:
    """With forged entries and decisions for every step: the first escalation is still known."""
    case = factories.escalated(supervisor)
    with refused("a person who escalated it never refers it") as intruder:
        intruder.move(case, State.OPEN)
        intruder.forge(case, "return", moderator)
        intruder.move(case, State.IN_REVIEW, holder_id=moderator.pk)
        intruder.forge(case, "claim", moderator)
        intruder.move(case, State.ESCALATED, escalated_by_id=moderator.pk)
        intruder.forge(case, "escalate", moderator)
        intruder.refer(case, by=supervisor, requested_by=moderator)


def test_who_escalated_before_a_proper_return_is_refused_too(
    returned: Case, supervisor: User, moderator: User
) -> None:
    taken = claims.claim(actor=Actor.of_user(moderator), case_id=returned.pk)
    again = escalation.escalate(
        actor=Actor.of_user(moderator),
        case_id=returned.pk,
        version=taken.version,
        severity="high",
        note="Two schools, forty kilometres apart.",
        ask="Please refer.",
    )
    with refused("a person who escalated it never refers it") as intruder:
        intruder.refer(again, by=supervisor, requested_by=moderator)


def test_the_escalator_neither_returns_nor_dismisses_in_sql(
    escalated: Case, moderator: User
) -> None:
    for state, verb in ((State.OPEN, "return"), (State.DISMISSED, "dismiss")):
        with refused("a person who escalated the case decided it") as intruder:
            intruder.move(escalated, state)
            intruder.forge(escalated, verb, moderator)


def test_a_table_of_the_same_name_in_the_session_hides_no_decision(
    returned: Case, supervisor: User, moderator: User
) -> None:
    with refused("a person who escalated it never refers it") as intruder:
        intruder.run("CREATE TEMP TABLE moderation_decision (LIKE public.moderation_decision)")
        intruder.run("SET search_path = pg_temp, public")
        intruder.move(returned, State.IN_REVIEW, holder_id=moderator.pk)
        intruder.move(returned, State.ESCALATED, escalated_by_id=moderator.pk)
        intruder.move(returned, State.REFERRED, referred_by_id=supervisor.pk)


# What a session can have of its own: a type called like one of the catalogue, and a cast to it
# that turns every reason to refuse into nothing. Temporary types come before all others.
_HOLLOW = (
    "CREATE TYPE pg_temp.text AS (hollow integer)",
    """CREATE FUNCTION pg_temp.hollow(pg_catalog.text) RETURNS pg_temp.text LANGUAGE sql
        AS 'SELECT NULL::pg_temp.text'""",
    """CREATE CAST (pg_catalog.text AS pg_temp.text) WITH FUNCTION pg_temp.hollow(pg_catalog.text)
        AS ASSIGNMENT""",
)


@pytest.mark.parametrize("path", ["pg_temp, public", "pg_temp, pg_catalog, public", "public"])
def test_a_type_of_the_same_name_in_the_session_hollows_no_refusal(
    escalated: Case, moderator: User, path: str
) -> None:
    with refused("cannot go from escalated to monitoring") as intruder:
        for statement in _HOLLOW:
            intruder.run(statement)
        intruder.run(f"SET search_path = {path}")
        intruder.run(
            "UPDATE public.moderation_case SET state = 'monitoring', monitor_until = '2099-01-01',"
            " version = version + 1 WHERE id = %s",
            escalated.pk,
        )


def test_every_guard_reads_types_from_the_catalogue_first() -> None:
    with intruding() as intruder:
        found = intruder.run(
            "SELECT DISTINCT guard.proname,"
            " coalesce('search_path=pg_catalog, pg_temp' = ANY (guard.proconfig), false)"
            " FROM pg_proc guard JOIN pg_trigger ON tgfoid = guard.oid WHERE NOT tgisinternal"
        )
    assert [name for name, fixed in found if not fixed] == []
    assert len(found) > 30


def test_a_referral_names_the_people_of_its_case(
    escalated: Case, moderator: User, supervisor: User, supervisor2: User
) -> None:
    with refused("referral names other people") as intruder:
        intruder.refer(escalated, by=supervisor, requested_by=supervisor2)
    with refused("not escalated and referred by these people") as intruder:
        intruder.run(
            "INSERT INTO moderation_referral (case_id, state, requested_by_id, approved_by_id,"
            " summary, approved_at) VALUES (%s, 'approved', %s, %s, 'x', now())",
            escalated.pk,
            supervisor2.pk,
            moderator.pk,
        )


def test_a_referred_case_has_its_referral(escalated: Case, supervisor: User) -> None:
    with refused("referral names other people") as intruder:
        intruder.move(escalated, State.REFERRED, referred_by_id=supervisor.pk)
        intruder.forge(escalated, "refer", supervisor)


def test_what_is_done_in_another_person_s_name_is_named_by_the_verification(
    escalated: Case, moderator: User, supervisor: User, auditor: User
) -> None:
    """SQL cannot know who types it; but it cannot sign the entry that it must write."""
    before = Entry.objects.count()
    with intruding() as intruder:
        intruder.refer(escalated, by=supervisor, requested_by=moderator)
    found = verify(actor=Actor.of_user(auditor))
    assert (found.ok, found.first_bad) == (False, before + 1)


def test_a_referral_keeps_its_people_and_takes_its_steps_in_order(
    moderator: User, supervisor: User, supervisor2: User
) -> None:
    case = factories.referred(moderator, supervisor)
    for column in ("requested_by_id", "approved_by_id"):
        with refused("its people never change") as intruder:
            intruder.run(f"UPDATE moderation_referral SET {column} = %s", supervisor2.pk)
    with refused("cannot go from approved to acknowledged") as intruder:
        intruder.run("UPDATE moderation_referral SET state = 'acknowledged'")
    with refused("moderation_referral_sent_somewhere") as intruder:
        intruder.run("UPDATE moderation_referral SET state = 'sent'")
    assert not Referral.objects.filter(case=case).exclude(state="approved").exists()


# -- Who decided -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "verb"),
    [(State.DISMISSED, "dismiss"), (State.MONITORING, "monitor"), (State.ESCALATED, "escalate")],
)
def test_no_case_is_decided_without_a_decision_by_its_holder(
    moderator: User, moderator2: User, state: State, verb: str
) -> None:
    case = factories.held(moderator)
    columns = {"escalated_by_id": moderator.pk} if state is State.ESCALATED else {}
    with refused("the audit trail does not tell of it") as intruder:
        intruder.move(case, state, **columns)
    with refused("nobody's decision is kept with it") as intruder:
        intruder.move(case, state, **columns)
        intruder.forge(case, verb, None)
    with refused("the person who held the case did not decide it") as intruder:
        intruder.move(case, state, **columns)
        intruder.forge(case, verb, moderator2)


def test_no_move_is_kept_from_the_audit_trail(moderator: User) -> None:
    case = factories.case()
    with refused("the audit trail does not tell of it") as intruder:
        intruder.move(case, State.IN_REVIEW, holder_id=moderator.pk)


def test_a_decision_without_its_own_entry_is_refused(moderator: User, moderator2: User) -> None:
    dismissed = factories.dismissed(moderator)
    copied = (
        "INSERT INTO moderation_decision (case_id, case_version, verb, reason, note, details,"
        " points, assessment_id, by_id, at, entry_id)"
        " SELECT case_id, case_version {0}, verb, reason, note, details, points, assessment_id,"
        " {1}, at, entry_id FROM moderation_decision WHERE case_id = %s"
    )
    for version, by in (("+ 1", "by_id"), ("- 1", "by_id"), ("", str(moderator2.pk))):
        with refused("does not tell of this person and case") as intruder:
            intruder.run(copied.format(version, by), dismissed.pk)


def test_only_the_holder_s_name_can_be_written_as_the_escalator(
    moderator: User, moderator2: User
) -> None:
    case = factories.held(moderator)
    with refused("the person who holds it escalates it") as intruder:
        intruder.move(case, State.ESCALATED, escalated_by_id=moderator2.pk)


def test_a_held_case_cannot_be_taken_away_in_place(moderator: User, moderator2: User) -> None:
    case = factories.held(moderator)
    with refused("changes only with its state") as intruder:
        intruder.run(
            "UPDATE moderation_case SET holder_id = %s WHERE id = %s", moderator2.pk, case.pk
        )


# -- What is written stays -----------------------------------------------------------------------


def test_what_never_changes_of_a_case() -> None:
    case = factories.case()
    for change in (
        "id = id + 1000",
        "reference = 'SL-2020-000001'",
        "account_id = account_id + 1000",
        "opened_at = opened_at - interval '1 day'",
        "version = version - 1",
        "version = version + 2",
    ):
        with refused("never change|grows by one") as intruder:
            intruder.run(f"UPDATE moderation_case SET {change} WHERE id = %s", case.pk)


def test_history_and_guards_cannot_be_removed(moderator: User, supervisor: User) -> None:
    factories.referred(moderator, supervisor)
    noted = factories.held(moderator)
    decisions.add_note(actor=Actor.of_user(moderator), case_id=noted.pk, text="A remark.")
    for statement in (
        "DELETE FROM moderation_case",
        "DELETE FROM moderation_decision",
        "DELETE FROM moderation_note",
        "DELETE FROM moderation_referral",
        "DELETE FROM moderation_referencecounter",
        "UPDATE moderation_decision SET note = 'x'",
        "UPDATE moderation_decision SET by_id = 1",
        "UPDATE moderation_note SET text = 'x'",
        "UPDATE moderation_referencecounter SET last = 0",
        "TRUNCATE moderation_case CASCADE",
        "TRUNCATE moderation_decision",
        "ALTER TABLE moderation_case DISABLE TRIGGER ALL",
        "DROP TRIGGER moderation_guard ON moderation_case",
        "SET session_replication_role = replica",
        "ALTER FUNCTION moderation_moves() RENAME TO moderation_former_moves",
        "CREATE FUNCTION public.moderation_moves(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
    ):
        says = "is refused: this is kept|must be owner|permission denied|only grow"
        with refused(says) as intruder:
            intruder.run(statement)


def test_the_owner_of_the_tables_is_refused_to_empty_them(moderator: User) -> None:
    factories.dismissed(moderator)
    for table in ("moderation_case", "moderation_decision", "moderation_note"):
        with (
            pytest.raises(psycopg2.errors.RestrictViolation),
            intruding("owner") as owner,
        ):
            owner.run(f"TRUNCATE {table} CASCADE")


def test_the_session_variable_that_turns_library_triggers_off_turns_none_of_these_off(
    escalated: Case,
) -> None:
    with refused("cannot go from escalated to monitoring") as intruder:
        intruder.run(
            "SELECT set_config('pgtrigger.ignore', array_agg(tgname)::text, false)"
            " FROM pg_trigger WHERE NOT tgisinternal"
        )
        intruder.move(escalated, State.MONITORING)


# -- Insertion -----------------------------------------------------------------------------------

_COPY = (
    "INSERT INTO moderation_case (reference, account_id, kind, state, severity, priority,"
    " priority_factors, points, headline, minors, assessment_id, version, opened_at,"
    " waiting_since, due_at, updated_at, escalated_by_id, referred_by_id)"
    " SELECT {reference}, account_id, kind, {state}, severity, priority, priority_factors, points,"
    " headline, minors, assessment_id, {version}, opened_at, waiting_since, due_at, updated_at,"
    " {escalated_by}, {referred_by} FROM moderation_case"
)


_BEGINNINGS: tuple[tuple[dict[str, str], str], ...] = (
    ({"state": "'dismissed'"}, "a case begins open"),
    ({"version": "2"}, "a case begins open"),
    ({"escalated_by": "{moderator}"}, "begins without a history"),
    (
        {
            "state": "'referred'",
            "escalated_by": "{moderator}",
            "referred_by": "{supervisor}",
        },
        "a case begins open",
    ),
    ({"reference": "'X-1'"}, "moderation_reference_form"),
    ({}, "moderation_one_live_case"),
)


def test_a_case_begins_open_without_a_history_and_once_an_account(
    moderator: User, supervisor: User
) -> None:
    factories.case()
    people = {"moderator": moderator.pk, "supervisor": supervisor.pk}
    for changed, says in _BEGINNINGS:
        values = {
            "reference": "'SL-2026-999999'",
            "state": "'open'",
            "version": "1",
            "escalated_by": "NULL",
            "referred_by": "NULL",
        } | changed
        with refused(says) as intruder:
            intruder.run(_COPY.format(**values).format(**people))


# -- What has no case of its own -------------------------------------------------------------------


def test_a_second_look_is_given_by_its_person_and_goes_with_an_undoing_alone(
    moderator: User, moderator2: User, supervisor: User, settings: Settings
) -> None:
    settings.SECOND_LOOK_PERCENT = 100
    case = factories.dismissed(moderator)
    with refused("the audit trail does not tell that it was given") as intruder:
        intruder.run(
            "UPDATE moderation_secondlook SET by_id = %s, started_at = now(), looked_at = now(),"
            " verb = 'dismiss', reason = 'family', note = 'x', agreement = 'same'",
            supervisor.pk,
        )
    with refused("only with a decision that was taken back") as intruder:
        intruder.run("DELETE FROM moderation_secondlook")
    undo.undo(actor=Actor.of_user(moderator), case_id=case.pk, version=case.version)
    assert not SecondLook.objects.exists()
    factories.dismissed(moderator)
    actor = Actor.of_user(moderator2)
    look = second_looks.start(actor=actor)
    assert look is not None
    second_looks.finish(actor=actor, look_id=look.pk, verb="monitor", note="Too few to say.")


def test_deadlines_and_limits_of_shifts_are_set_in_somebody_s_name(admin: User) -> None:
    with refused("Deadlines refused: the audit trail does not tell") as intruder:
        intruder.run(
            "INSERT INTO moderation_deadlineterms (spec, note, set_by_id, set_at)"
            " VALUES ('{}', 'x', %s, now())",
            admin.pk,
        )
    with refused("Limits of shifts refused: the audit trail does not tell") as intruder:
        intruder.run(
            "INSERT INTO moderation_careterms (cases, critical, reveals, contacts, set_by_id,"
            " set_at) VALUES (1000, 1000, 1000, 'x', %s, now())",
            admin.pk,
        )
    care.set_terms(actor=Actor.of_user(admin), cases=30, critical=5, reveals=9, contacts="Ask Sam.")
    for statement in (
        "UPDATE moderation_careterms SET cases = 1",
        "DELETE FROM moderation_careterms",
    ):
        with refused("is refused: this is kept") as intruder:
            intruder.run(statement)
