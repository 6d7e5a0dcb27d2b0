"""``kill -9`` at every point of a run, then starting again: complete, not twice, not half."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case
from signals import runner, storage
from signals.models import Assessment, Run, Score
from signals.selectors import latest_run, latest_scores
from signals.services import release_dead_runs, start_run
from tests.signals.compute_and_die import compute_and_die
from tests.signals.graphs import Graph, school, two_indicators
from tests.support.elsewhere import elsewhere

pytestmark = pytest.mark.django_db(transaction=True)

COMMAND = Actor.system("command")

# Before the final transaction commits nothing is seen; after it, everything is.
BEFORE = ("load", "indicators", "cases", "cases:0.94", "in_hooks")


@pytest.fixture
def graph() -> Graph:
    two_indicators()
    return school()


def computed_by_a_process(run: Run, point: str) -> int:
    """The exit status of a process that computes ``run`` and dies at ``point``."""
    status = elsewhere(compute_and_die, run.pk, point).status
    assert status in {0, -signal.SIGKILL}
    return status


def state() -> dict[str, Any]:
    """Everything that must come out the same whether a process died on the way or not."""
    run = latest_run()
    assert run is not None
    return {
        "scores": latest_scores().drop_columns(["account"]).to_pylist(),
        "rows": Score.objects.count(),
        "assessments": [
            (item.account.account_id, item.points, item.contributions, item.evidence.count())
            for item in Assessment.objects.select_related("account").order_by("account__account_id")
        ],
        "cases": list(Case.objects.values_list("account__account_id", "state", "version")),
        "complete": Entry.objects.filter(verb="run.complete").count(),
        "opened": Entry.objects.filter(verb="case.open").count(),
        "counts": (run.accounts, run.contacts, run.flagged, run.cases_opened, run.cases_updated),
    }


_undisturbed: dict[str, Any] = {}
"""What the first test of this module finds: every other must find the same."""


def test_what_an_undisturbed_run_leaves(graph: Graph) -> None:
    run = runner.execute(start_run(actor=COMMAND, trigger="command", enqueue=False).pk)
    found = _undisturbed["state"] = state()
    assert (run.state, found["opened"], found["complete"]) == ("done", 1, 1)
    assert found["rows"] == len(found["scores"]) == run.assessed > 0


@pytest.mark.parametrize("point", BEFORE)
def test_killed_before_the_end_the_run_is_begun_again(graph: Graph, point: str) -> None:
    run = start_run(actor=COMMAND, trigger="command", enqueue=False)
    assert computed_by_a_process(run, point) == -signal.SIGKILL

    run.refresh_from_db()
    assert (run.state, run.attempts) == ("running", 1)
    assert latest_run() is None
    assert not Assessment.objects.exists()
    assert not Case.objects.exists()

    assert release_dead_runs(actor=COMMAND) == [run.pk]
    after = runner.execute(run.pk)
    assert (after.state, after.attempts) == ("done", 2)
    _undisturbed.setdefault("state", state())
    assert state() == _undisturbed["state"]
    left = set(storage.facts_file(0).parent.iterdir())
    assert left == {storage.facts_file(run.pk), storage.priors_folder(run.pk)}


def test_killed_after_the_end_the_run_is_complete(graph: Graph) -> None:
    run = start_run(actor=COMMAND, trigger="command", enqueue=False)
    assert computed_by_a_process(run, "cases:1.0") == -signal.SIGKILL
    run.refresh_from_db()
    assert run.state == "done"
    seen = state()
    assert seen == _undisturbed.setdefault("state", seen)
    assert release_dead_runs(actor=COMMAND) == []
    assert runner.execute(run.pk).attempts == 1
    assert state() == seen
    assert Case.objects.count() == 1


def test_killed_again_and_again_the_run_still_ends_complete(graph: Graph) -> None:
    run = start_run(actor=COMMAND, trigger="command", enqueue=False)
    for point in ("contact_facts", "in_hooks"):
        # No sweep in between: whoever takes the lock knows that nobody else computes.
        assert computed_by_a_process(run, point) == -signal.SIGKILL
    assert computed_by_a_process(run, "never") == 0
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("done", 3)
    assert set(Score.objects.values_list("run_id", flat=True)) == {run.pk}
    assert Score.objects.count() == run.assessed
    assert Case.objects.count() == 1
