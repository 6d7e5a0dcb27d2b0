"""Somebody with the password of the application's role, and SQL instead of the program."""

from __future__ import annotations

import os
from typing import Any

import psycopg2
import pytest
from psycopg2.extras import Json

from audit.actors import Actor
from signals.models import ThresholdSet
from signals.services import active_thresholds, approve_thresholds, propose_thresholds
from staff.models import User
from tests.moderation.sql import Intruder, intruding, refused

pytestmark = pytest.mark.django_db(transaction=True)

RETIRE = "UPDATE signals_thresholdset SET state = 'retired' WHERE state = 'active'"
ACTIVATE = (
    "UPDATE signals_thresholdset SET state = 'active', activated_at = now(), approved_by_id = %s"
    " WHERE version = 2"
)
WITHDRAW = (
    "UPDATE signals_thresholdset SET state = 'withdrawn', withdrawn_at = now(),"
    " withdrawn_by_id = %s WHERE version = 2"
)
INSERT = (
    "INSERT INTO signals_thresholdset (version, state, spec, note, created_at, activated_at,"
    " created_by_id, approved_by_id) VALUES (7, %s, '{}', '', now(), %s, %s, %s)"
)


@pytest.fixture
def draft(admin: User) -> ThresholdSet:
    """Version 2, against the defaults as version 1."""
    spec = active_thresholds().spec | {"open_at": 140.0}
    return propose_thresholds(actor=Actor.of_user(admin), spec=spec, note="Too many cases.")


def forge(intruder: Intruder, verb: str, by: User, version: int = 2) -> None:
    """Add an audit entry with a signature that is nonsense, which verification will find."""
    ((number, previous),) = intruder.run(
        "SELECT number, hash FROM audit_entry ORDER BY number DESC LIMIT 1"
    )
    intruder.run(
        "INSERT INTO audit_entry (number, at, actor, role, verb, target, before, after, reason,"
        " request_id, previous_hash, hash, signature)"
        " VALUES (%s, now(), %s, 'admin', %s, %s, '{}', %s, '', '', %s, %s, %s)",
        number + 1,
        f"staff:{by.pk} {by.name}",
        f"thresholds.{verb}",
        f"thresholds:{version}",
        Json({}),
        previous,
        os.urandom(32),
        os.urandom(64),
    )


def state_of(version: int) -> str:
    return ThresholdSet.objects.get(version=version).state


def test_nobody_approves_their_own_and_somebody_else_does(
    draft: ThresholdSet, admin: User, admin2: User
) -> None:
    with refused("signals_threshold_four_eyes") as intruder:
        intruder.run(RETIRE)
        intruder.run(ACTIVATE, admin.pk)
    with refused("signals_threshold_approved_to_be_active") as intruder:
        intruder.run(RETIRE)
        intruder.run(ACTIVATE, None)
    with refused("a version is never edited") as intruder:
        intruder.run("UPDATE signals_thresholdset SET created_by_id = %s", admin2.pk)
    assert state_of(2) == "draft"
    approve_thresholds(actor=Actor.of_user(admin2), version=2)
    assert state_of(2) == "active"


def test_an_approval_needs_an_entry_in_the_name_of_who_approved(
    draft: ThresholdSet, admin: User, admin2: User
) -> None:
    with refused("the audit trail does not tell of it") as intruder:
        intruder.run(RETIRE)
        intruder.run(ACTIVATE, admin2.pk)
    with refused("the audit trail does not tell of it") as intruder:
        intruder.run(RETIRE)
        intruder.run(ACTIVATE, admin2.pk)
        forge(intruder, "approve", admin)
    assert (state_of(1), state_of(2)) == ("active", "draft")
    with intruding() as intruder:
        intruder.run(RETIRE)
        intruder.run(ACTIVATE, admin2.pk)
        forge(intruder, "approve", admin2)
    assert (state_of(1), state_of(2)) == ("retired", "active")


def test_so_does_a_withdrawal(draft: ThresholdSet, admin: User, admin2: User) -> None:
    with refused("the audit trail does not tell of it") as intruder:
        intruder.run(WITHDRAW, admin2.pk)
    with refused("belongs to another state") as intruder:
        intruder.run(WITHDRAW, None)
    with intruding() as intruder:
        intruder.run(WITHDRAW, admin2.pk)
        forge(intruder, "withdraw", admin2)
    assert state_of(2) == "withdrawn"


def test_a_draft_in_the_name_of_another_needs_an_entry_too(admin: User) -> None:
    active_thresholds()
    with refused("the audit trail does not tell of it") as intruder:
        intruder.run(INSERT, "draft", None, admin.pk, None)
    with intruding() as intruder:
        intruder.run(INSERT, "draft", None, admin.pk, None)
        forge(intruder, "propose", admin, version=7)
    assert state_of(7) == "draft"


@pytest.mark.parametrize("switched_off", [False, True], ids=["plain", "library-switched-off"])
def test_what_was_written_stays(draft: ThresholdSet, admin2: User, switched_off: bool) -> None:
    """Also under the session variable that turns the triggers of django-pgtrigger off."""
    update = "UPDATE signals_thresholdset SET"
    attempts: list[tuple[str, tuple[Any, ...], str]] = [
        (f"{update} spec = '{{}}' WHERE version = 2", (), "never edited"),
        (f"{update} version = 9 WHERE version = 2", (), "never edited"),
        (f"{update} note = 'other' WHERE version = 2", (), "never edited"),
        (f"{update} created_at = now() WHERE version = 2", (), "never edited"),
        (f"{update} based_on_id = NULL WHERE version = 2", (), "never edited"),
        (f"{update} approved_by_id = %s WHERE version = 2", (admin2.pk,), "another state"),
        (f"{update} state = 'retired' WHERE version = 2", (), "cannot go from draft to retired"),
        (f"{update} state = 'draft' WHERE version = 1", (), "cannot go from active to draft"),
        (f"{update} approved_by_id = %s WHERE version = 1", (admin2.pk,), "decided once"),
        (f"{update} activated_at = now() WHERE version = 1", (), "decided once"),
        (INSERT, ("active", "2026-01-01", None, admin2.pk), "starts as a draft"),
        (INSERT, ("draft", None, None, None), "signals_threshold_has_an_author"),
        ("DELETE FROM signals_thresholdset WHERE version = 2", (), "kept as it was written"),
    ]
    for statement, values, says in attempts:
        with refused(says) as intruder:
            if switched_off:
                intruder.run(
                    "SELECT set_config('pgtrigger.ignore', array_agg(tgname)::text, false)"
                    " FROM pg_trigger WHERE NOT tgisinternal"
                )
            intruder.run(statement, *values)
    assert (state_of(1), state_of(2)) == ("active", "draft")


def test_the_owner_of_the_table_is_refused_to_empty_it(draft: ThresholdSet) -> None:
    with (
        pytest.raises(psycopg2.errors.RestrictViolation),
        intruding("owner") as owner,
    ):
        owner.run("TRUNCATE signals_thresholdset CASCADE")
    assert state_of(2) == "draft"
