"""A person with the password of the application's role, and SQL instead of the program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
from psycopg2.extras import Json

from moderation.domain.transitions import State
from moderation.models import Case
from staff.models import User
from tests.support.databases import connect_as
from tests.support.processes import wait_for


class Intruder:
    """One transaction of somebody who types SQL as the application's role."""

    def __init__(self, connection: psycopg2.extensions.connection) -> None:
        self.connection = connection

    def run(self, statement: str, *values: Any) -> Any:
        """Execute ``statement``; its rows, where it gives any."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def run_with(self, statement: str, **values: Any) -> Any:
        """The same with values by name."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def wait_until_blocked(self) -> None:
        """Until somebody waits for a lock in this database; fail when it does not come to that."""

        def somebody_waits() -> bool:
            self.run("SELECT pg_stat_clear_snapshot()")
            ((blocked,),) = self.run(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            return bool(blocked)

        wait_for(somebody_waits)

    def move(self, case: Case, state: State, **columns: Any) -> None:
        """Move ``case`` with every column as the checks between columns want it."""
        wanted: dict[str, Any] = {
            "state": state.value,
            "holder_id": None,
            "lease_expires_at": None,
            "referred_by_id": None,
        }
        if state is State.IN_REVIEW:
            wanted["lease_expires_at"] = "2099-01-01"
        if state is State.MONITORING:
            wanted["monitor_until"] = "2099-01-01"
        wanted |= columns
        assigned = ", ".join(f"{name} = %s" for name in wanted)
        self.run(
            f"UPDATE moderation_case SET {assigned}, version = version + 1 WHERE id = %s",
            *wanted.values(),
            case.pk,
        )

    def forge(self, case: Case, verb: str, by: User | None) -> None:
        """Add an audit entry for the move just made, with a signature that is nonsense, and the
        decision that it tells of where a person made it."""
        ((number, previous),) = self.run(
            "SELECT number, hash FROM audit_entry ORDER BY number DESC LIMIT 1"
        )
        digest, signature = os.urandom(32), os.urandom(64)
        ((version, assessment),) = self.run(
            "SELECT version, assessment_id FROM moderation_case WHERE id = %s", case.pk
        )
        self.run(
            "INSERT INTO audit_entry (number, at, actor, role, verb, target, before, after, reason,"
            " request_id, previous_hash, hash, signature)"
            " VALUES (%s, now(), %s, 'x', %s, %s, '{}', %s, '', '', %s, %s, %s)",
            number + 1,
            f"staff:{by.pk} {by.name}" if by else "system:worker",
            f"case.{verb}",
            f"case:{case.reference}",
            Json({"version": version}),
            previous,
            digest,
            signature,
        )
        if by is not None and verb not in {"claim", "release"}:
            self.run(
                "INSERT INTO moderation_decision (case_id, case_version, verb, reason, note,"
                " details, points, assessment_id, by_id, at, entry_id)"
                " VALUES (%s, %s, %s, '', 'x', '{}', 1, %s, %s, now(), %s)",
                case.pk,
                version,
                verb,
                assessment,
                by.pk,
                number + 1,
            )

    def refer(self, case: Case, by: User, requested_by: User) -> None:
        """Refer ``case`` with everything that the program would write, forged."""
        self.move(case, State.REFERRED, referred_by_id=by.pk)
        self.run(
            "INSERT INTO moderation_referral (case_id, state, requested_by_id, approved_by_id,"
            " summary, approved_at) VALUES (%s, 'approved', %s, %s, 'x', now())",
            case.pk,
            requested_by.pk,
            by.pk,
        )
        self.forge(case, "refer", by)


@contextmanager
def intruding(role: str = "app") -> Iterator[Intruder]:
    """A transaction that commits at the end of the block."""
    with closing(connect_as(role)) as connection:
        connection.autocommit = False
        yield Intruder(connection)
        connection.commit()


@contextmanager
def refused(says: str) -> Iterator[Intruder]:
    """A transaction that the database must refuse, at the latest when it commits."""
    with pytest.raises(psycopg2.Error, match=says), intruding() as intruder:
        yield intruder
