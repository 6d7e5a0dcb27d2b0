"""When a run is due, who starts and cancels it, and when there is nothing new to compute."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from signals import hooks
from signals.errors import RunEnded
from signals.models import Run
from signals.services import (
    approve_thresholds,
    cancel_run,
    propose_thresholds,
    release_dead_runs,
    start_after_import,
    start_run,
)
from staff.errors import NotAllowed, Refused
from staff.models import User
from tests.signals.graphs import Graph, day, school, two_indicators
from tests.signals.running import COMMAND, compute, start

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def graph() -> Graph:
    two_indicators()
    return school()


# -- When nothing is new -----------------------------------------------------------------------


def test_without_news_the_latest_run_is_the_answer(graph: Graph) -> None:
    run = compute()
    assert start() == run
    assert start(full=True) != run


@pytest.mark.parametrize("news", ["account", "tie", "event", "import_in_progress"])
def test_anything_imported_is_news(graph: Graph, news: str) -> None:
    run = compute()
    if news == "account":
        graph.account("new")
    elif news == "tie":
        graph.tie("mallory", "adult1")
    elif news == "event":
        graph.event("Create", "mallory", "child1", on=40)
    else:
        type(graph.batch).objects.create(origin="api", state="running")
    assert start() != run


def test_another_time_and_other_thresholds_are_news(
    graph: Graph, admin: User, admin2: User
) -> None:
    run = compute()
    other = start(as_of=day(30))
    assert other != run
    cancel_run(actor=COMMAND, run_id=other.pk)
    spec = run.thresholds.spec | {"open_at": 500.0}  # type: ignore[union-attr]
    propose_thresholds(actor=Actor.of_user(admin), spec=spec, note="for a test")
    approve_thresholds(actor=Actor.of_user(admin2), version=2)
    after = compute()
    assert (after.trigger, after.flagged) == ("thresholds", 0)
    assert after.thresholds.version == 2  # type: ignore[union-attr]


def test_decisions_are_news(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    run = compute()
    label = hooks.Label(graph.accounts["mallory"].pk, timezone.now(), "dismissed", "family")
    monkeypatch.setattr(hooks, "_labels", [lambda: [label]])
    assert start() != run


# -- Starting ----------------------------------------------------------------------------------


def test_runs_that_wait_for_the_same_are_one(graph: Graph) -> None:
    first = start()
    assert start() == first
    assert start(full=True) == first
    assert Run.objects.get().full
    assert start(as_of=day(3)) != first


def test_imports_queue_one_run_between_them(graph: Graph, settings: Any) -> None:
    settings.SIGNALS_RUN_AFTER_IMPORT = False
    start_after_import(graph.batch)
    assert not Run.objects.exists()
    settings.SIGNALS_RUN_AFTER_IMPORT = True
    start_after_import(graph.batch)
    start_after_import(graph.batch)
    run = Run.objects.get()
    assert (run.state, run.trigger) == ("queued", "import")


def test_an_import_of_duplicates_queues_nothing(graph: Graph) -> None:
    compute()
    start_after_import(graph.batch)
    assert Run.objects.count() == 1


def test_a_run_after_an_import_rests_as_long_as_the_last_one_took(graph: Graph) -> None:
    last = compute()
    Run.objects.filter(pk=last.pk).update(seconds={"total": 3600.0})
    graph.event("Create", "mallory", "child1", on=40)
    start_after_import(graph.batch)
    assert release_dead_runs(actor=COMMAND) == []
    Run.objects.filter(pk=last.pk).update(finished_at=timezone.now() - timedelta(hours=2))
    assert release_dead_runs(actor=COMMAND) == [Run.objects.get(state="queued").pk]


@pytest.mark.parametrize("role", ["moderator", "supervisor", "auditor", "outsider"])
def test_only_admins_start_and_cancel_runs(role: str, request: pytest.FixtureRequest) -> None:
    actor = Actor.of_user(request.getfixturevalue(role))
    run = start()
    with pytest.raises(NotAllowed):
        start_run(actor=actor, trigger="person")
    with pytest.raises(NotAllowed):
        cancel_run(actor=actor, run_id=run.pk)
    assert Run.objects.get().state == "queued"


def test_an_admin_starts_and_cancels_a_run(admin: User) -> None:
    actor = Actor.of_user(admin)
    run = start_run(actor=actor, trigger="person")
    assert run.created_by == admin
    assert cancel_run(actor=actor, run_id=run.pk).state == "cancelled"
    assert Entry.objects.get(verb="run.cancel").actor == f"staff:{admin.pk} Ada Marsh"
    with pytest.raises(RunEnded, match="cancelled already"):
        cancel_run(actor=actor, run_id=run.pk)


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(Refused, match="offset"):
        start(as_of=day(1).replace(tzinfo=None))
