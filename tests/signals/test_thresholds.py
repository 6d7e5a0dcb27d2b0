"""Threshold versions: proposed, approved by somebody else, never edited; also through plain SQL."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from audit.actors import Actor
from audit.models import Entry
from signals.errors import InvalidThresholds, ThresholdsRefused
from signals.models import Run, ThresholdSet
from signals.services import (
    active_thresholds,
    approve_thresholds,
    propose_thresholds,
    withdraw_thresholds,
)
from signals.spec import ThresholdSpec
from staff.errors import NotAllowed
from staff.models import User

pytestmark = pytest.mark.django_db


def changed(**values: Any) -> dict[str, Any]:
    """The active set with some values changed."""
    return active_thresholds().spec | values


def propose(author: User, note: str = "Too many cases a day.", **values: Any) -> ThresholdSet:
    spec = changed(**(values or {"open_at": 140.0}))
    return propose_thresholds(actor=Actor.of_user(author), spec=spec, note=note)


def test_the_first_use_installs_the_defaults_once() -> None:
    first = active_thresholds()
    assert active_thresholds() == first
    assert (first.version, first.created_by) == (1, None)
    assert ThresholdSpec.from_dict(first.spec) == ThresholdSpec()
    assert Entry.objects.filter(verb="thresholds.install", actor="system:worker").count() == 1


def test_a_second_admin_puts_a_proposal_in_force(admin: User, admin2: User) -> None:
    draft = propose(admin, open_at=140.0, min_minors=4)
    assert (draft.version, draft.state, draft.created_by) == (2, "draft", admin)
    assert active_thresholds().version == 1

    approve_thresholds(actor=Actor.of_user(admin2), version=2)

    assert active_thresholds().version == 2
    assert active_thresholds().approved_by == admin2
    assert ThresholdSet.objects.get(version=1).state == "retired"
    proposed, approved = (
        Entry.objects.get(verb=f"thresholds.{verb}") for verb in ("propose", "approve")
    )
    assert proposed.reason == "Too many cases a day."
    for entry in (proposed, approved):
        assert entry.before == {"version": 1, "open_at": 170, "min_minors": 3}
        assert entry.after == {"version": 2, "open_at": 140, "min_minors": 4}
    assert (proposed.actor, approved.actor) == (
        f"staff:{admin.pk} Ada Marsh",
        f"staff:{admin2.pk} Abe Tan",
    )


def test_a_run_under_the_new_version_is_queued(admin: User, admin2: User) -> None:
    propose(admin)
    approve_thresholds(actor=Actor.of_user(admin2), version=2)
    run = Run.objects.get()
    assert (run.state, run.trigger, run.thresholds) == ("queued", "thresholds", active_thresholds())


def test_nobody_approves_their_own_proposal(admin: User) -> None:
    propose(admin)
    with pytest.raises(ThresholdsRefused, match="another admin"):
        approve_thresholds(actor=Actor.of_user(admin), version=2)
    assert active_thresholds().version == 1


@pytest.mark.parametrize("role", ["moderator", "supervisor", "auditor", "outsider"])
def test_only_admins_change_thresholds(
    role: str, admin: User, request: pytest.FixtureRequest
) -> None:
    propose(admin)
    actor = Actor.of_user(request.getfixturevalue(role))
    with pytest.raises(NotAllowed):
        propose_thresholds(actor=actor, spec=changed(open_at=90.0), note="lower")
    with pytest.raises(NotAllowed):
        approve_thresholds(actor=actor, version=2)
    with pytest.raises(NotAllowed):
        withdraw_thresholds(actor=actor, version=2)
    assert ThresholdSet.objects.get(version=2).state == "draft"


def test_no_system_changes_thresholds() -> None:
    spec = changed(open_at=90.0)
    with pytest.raises(ThresholdsRefused, match="a person"):
        propose_thresholds(actor=Actor.system("command"), spec=spec, note="lower")
    with pytest.raises(NotAllowed):
        propose_thresholds(actor=Actor.system("worker"), spec=spec, note="lower")


def test_every_wrong_value_is_named_at_once(admin: User) -> None:
    spec = changed(open_at="many", min_groups=0, nonsense=1)
    with pytest.raises(InvalidThresholds) as refused:
        propose_thresholds(actor=Actor.of_user(admin), spec=spec, note=" ")
    assert {"nonsense", "note"} <= refused.value.errors.keys()
    del spec["nonsense"]
    with pytest.raises(InvalidThresholds) as refused:
        propose_thresholds(actor=Actor.of_user(admin), spec=spec, note="why")
    assert refused.value.errors.keys() == {"open_at", "min_groups"}
    assert not ThresholdSet.objects.filter(version=2).exists()


def test_a_proposal_that_changes_nothing_is_refused(admin: User) -> None:
    with pytest.raises(ThresholdsRefused, match="Nothing differs"):
        propose_thresholds(actor=Actor.of_user(admin), spec=changed(), note="why")


def test_a_draft_against_an_older_version_is_refused(admin: User, admin2: User) -> None:
    """Approving it would quietly undo what came in between."""
    propose(admin, open_at=140.0)
    propose(admin, min_minors=5)
    approve_thresholds(actor=Actor.of_user(admin2), version=2)
    with pytest.raises(ThresholdsRefused, match="version 2 is active by now"):
        approve_thresholds(actor=Actor.of_user(admin2), version=3)
    assert active_thresholds().version == 2


def test_a_draft_is_decided_once(admin: User, admin2: User) -> None:
    propose(admin)
    withdrawn = withdraw_thresholds(actor=Actor.of_user(admin), version=2, reason="typing error")
    assert (withdrawn.state, withdrawn.withdrawn_by) == ("withdrawn", admin)
    for decide in (approve_thresholds, withdraw_thresholds):
        with pytest.raises(ThresholdsRefused, match="withdrawn already"):
            decide(actor=Actor.of_user(admin2), version=2)
    assert Entry.objects.get(verb="thresholds.withdraw").reason == "typing error"


def refused_by_the_database(statement: str, *values: str | int | None) -> None:
    with (
        pytest.raises((DatabaseError, IntegrityError)),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, values)


def test_there_is_one_active_version_at_most(admin: User, admin2: User) -> None:
    propose(admin)
    refused_by_the_database(
        "UPDATE signals_thresholdset SET state = 'active', activated_at = now(), "
        "approved_by_id = %s WHERE version = 2",
        admin2.pk,
    )
