"""The life of a run: complete or not at all, one at a time, and never half seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case
from signals import hooks, runner, storage
from signals.attempt import Replaced, is_computing
from signals.engine.result import FACTS
from signals.errors import NoRun, RunBusy
from signals.models import Assessment, EvidenceRow, Run, Score
from signals.selectors import latest_assessment, latest_run, latest_scores
from signals.services import (
    cancel_run,
)
from signals.spec import KEYS
from staff.models import User
from tests.signals.graphs import Graph, day, low_threshold, school, two_indicators
from tests.signals.running import compute, start

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def graph(request: pytest.FixtureRequest) -> Graph:
    if "all_indicators" in request.fixturenames:
        low_threshold()
    else:
        two_indicators()
    return school()


@pytest.fixture
def all_indicators() -> None:
    """Asks for every indicator, rather than for a quick run."""


def visible() -> tuple[Any, ...]:
    """All that readers can see of any run."""
    run = latest_run()
    return (
        run and (run.pk, run.flagged),
        None if run is None else latest_scores(),
        sorted(Assessment.objects.filter(run__state="done").values_list("pk", flat=True)),
        sorted(Case.objects.values_list("reference", "version")),
    )


# -- What a complete run leaves ----------------------------------------------------------------


def test_a_run_finds_the_account_that_stands_out(all_indicators: None, graph: Graph) -> None:
    run = compute()
    assert (run.state, run.error, run.attempts, run.progress) == ("done", "", 1, 1.0)
    assert run.accounts == len(graph.accounts)
    assert run.contacts == 90 * 4 + 12 + 15
    assert run.stage == "cases"
    assert set(run.seconds) == {"load", "contact_facts", "indicators", "cases", "total"}
    assert run.indicator_keys == list(KEYS)

    scores = latest_scores().to_pylist()
    assert len(scores) == run.assessed == Score.objects.filter(run=run).count()
    assert [row["rank"] for row in scores] == sorted(row["rank"] for row in scores)
    first = scores[0]
    assert first["account_id"] == "mallory"
    assert first["flagged"]
    assert first["no_mutuals_n"] == 15
    assert first["no_mutuals_k"] == 15

    found = latest_assessment(graph.accounts["mallory"])
    assert found is not None
    assert (found.run, found.points, found.flagged) == (run, first["points"], True)
    assert found.summary["rank"] == 1
    assert found.summary["points_without_private_fast"] == first["points_without_private_fast"]
    strongest = found.contributions[0]
    assert strongest["direction"] == "raises"
    assert EvidenceRow.objects.filter(assessment=found, indicator="no_mutuals").count() == 15
    row = EvidenceRow.objects.filter(assessment=found, indicator="no_mutuals").first()
    assert row is not None
    assert row.facts["m"] == 0
    assert row.target_id is not None
    assert row.event_id is not None
    assert latest_assessment(graph.accounts["adult1"]) is None


def test_a_run_opens_cases_and_says_so_in_the_trail(graph: Graph) -> None:
    run = compute()
    assert run.flagged == 1
    assert (run.cases_opened, Case.objects.count()) == (1, 1)
    entry = Entry.objects.get(verb="run.complete")
    assert (entry.actor, entry.target) == ("system:command", f"run:{run.pk}")
    assert entry.after["cases_opened"] == 1
    assert Entry.objects.get(verb="run.start").target == f"run:{run.pk}"

    facts = pq.read_table(storage.facts_file(run.pk))
    assert facts.num_rows == run.contacts
    alone = sum(m == 0 for m in facts.column("m").to_pylist())
    assert run.figures["zero_mutual_at_contact"] == alone


def test_facts_stay_only_where_the_scores_do(graph: Graph) -> None:
    run = compute()
    before = sorted(storage.facts_file(run.pk).parent.iterdir())
    with pytest.raises(Replaced), storage.saving_facts(start(full=True), FACTS.empty_table()):
        raise Replaced
    assert sorted(storage.facts_file(run.pk).parent.iterdir()) == before


def test_a_graph_without_anything_is_computed_too() -> None:
    run = compute()
    assert (run.state, run.accounts, run.contacts, run.flagged) == ("done", 0, 0, 0)
    assert latest_scores().num_rows == 0


def test_a_complete_run_is_not_computed_again(graph: Graph) -> None:
    run = compute()
    seen = visible()
    again = runner.execute(run.pk)
    assert (again.attempts, again.finished_at) == (1, run.finished_at)
    assert visible() == seen


# -- One at a time -----------------------------------------------------------------------------


def test_two_runs_are_not_computed_at_once(graph: Graph) -> None:
    second: list[Run] = []
    refusals: list[str] = []

    def try_another(stage: str, share: float) -> None:
        if not second:
            second.append(start(as_of=day(30)))
            assert is_computing()
            with pytest.raises(RunBusy) as busy:
                runner.execute(second[0].pk)
            refusals.append(busy.value.message)

    first = compute(try_another)
    assert first.state == "done"
    assert refusals == [f"Run {first.pk} is being computed (0%); one run at a time."]
    assert not is_computing()
    second[0].refresh_from_db()
    assert (second[0].state, second[0].attempts) == ("queued", 0)
    assert runner.execute(second[0].pk).state == "done"


def test_the_database_holds_one_running_run_at_most() -> None:
    now = timezone.now()
    Run.objects.create(trigger="command", state="running", started_at=now)
    with pytest.raises(IntegrityError):
        Run.objects.create(trigger="command", state="running", started_at=now)


def test_an_ended_run_has_an_end_in_the_database() -> None:
    with pytest.raises(IntegrityError):
        Run.objects.create(trigger="command", state="done")


# -- Never half seen ---------------------------------------------------------------------------


def test_readers_see_one_run_until_the_next_is_complete(graph: Graph) -> None:
    first = compute()
    seen = visible()
    graph.event("Offer", "mallory", "child3", on=50)
    stages: list[str] = []

    def look(stage: str, share: float) -> None:
        stages.append(stage)
        if share < 1.0:
            assert visible() == seen, stage

    second = compute(look)
    assert list(dict.fromkeys(stages)) == ["load", "contact_facts", "indicators", "cases"]
    assert second.state == "done"
    assert latest_run() == second != first
    assert latest_scores().to_pylist()[0]["no_mutuals_n"] == 16


def test_progress_is_seen_by_others_and_only_grows(graph: Graph) -> None:
    told: list[float] = []
    stored: list[tuple[str, float]] = []

    def look(stage: str, share: float) -> None:
        told.append(share)
        stored.append(Run.objects.values_list("stage", "progress").get())

    compute(look)
    assert told == sorted(told)
    assert {stage for stage, _ in stored} == {"load", "contact_facts", "indicators", "cases"}
    assert told[-1] == 1.0


def test_what_a_hook_breaks_leaves_nothing_behind(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute()
    seen = visible()

    def break_it(run: Run, _actor: Actor) -> tuple[int, int]:
        assert Assessment.objects.filter(run=run).exists()
        raise OSError("No space left on device")

    monkeypatch.setattr(hooks, "_run_done", [*hooks._run_done, break_it])
    run = compute(full=True)

    assert (run.state, run.error) == ("failed", "OSError: No space left on device")
    assert visible() == seen
    assert not Score.objects.filter(run=run).exists()
    assert not Assessment.objects.filter(run=run).exists()
    assert not storage.facts_file(run.pk).exists()
    entry = Entry.objects.get(verb="run.fail")
    assert (entry.target, entry.reason) == (f"run:{run.pk}", run.error)


@pytest.mark.parametrize(
    ("stage", "share"),
    [("load", 0.0), ("indicators", 0.0), ("cases", 0.9)],
)
def test_cancelled_in_any_stage_nothing_is_kept(
    graph: Graph, admin: User, stage: str, share: float
) -> None:
    asked: list[Run] = []

    def cancel(now_in: str, done: float) -> None:
        if now_in == stage and done >= share and not asked:
            asked.append(cancel_run(actor=Actor.of_user(admin), run_id=Run.objects.get().pk))
            assert asked[0].state == "running"

    run = compute(cancel)
    assert asked
    assert run.state == "cancelled"
    assert visible() == (None, None, [], [])
    assert not Score.objects.exists()
    assert not storage.facts_file(run.pk).exists()


def test_stopped_at_the_keyboard_the_run_is_cancelled(graph: Graph) -> None:
    def stop(stage: str, share: float) -> None:
        if stage == "indicators":
            raise KeyboardInterrupt

    run = start()
    with pytest.raises(KeyboardInterrupt):
        runner.execute(run.pk, stop)
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert visible() == (None, None, [], [])


@pytest.mark.parametrize("share", [0.5, 0.85])
def test_an_attempt_that_was_replaced_writes_nothing(graph: Graph, share: float) -> None:
    """A process that hung long enough to be taken for dead wakes up again."""
    replaced: list[float] = []

    def replace(_stage: str, done: float) -> None:
        if done >= share and not replaced:
            replaced.append(done)
            Run.objects.update(attempts=7)

    run = compute(replace)
    assert (run.state, run.attempts) == ("running", 7)
    assert visible() == (None, None, [], [])
    assert not Score.objects.exists()


def test_what_a_replaced_attempt_had_written_goes_before_the_next(graph: Graph) -> None:
    def replace(_stage: str, done: float) -> None:
        if done == 0.95:  # the scores are written, nothing is seen yet
            Run.objects.update(attempts=7)

    run = compute(replace)
    assert (run.state, run.attempts) == ("running", 7)
    assert visible() == (None, None, [], [])
    after = runner.execute(run.pk)
    assert (after.state, after.attempts) == ("done", 8)
    assert Score.objects.count() == after.assessed == latest_scores().num_rows


# -- What goes again ---------------------------------------------------------------------------


def test_the_last_two_runs_are_kept_and_what_cases_need(graph: Graph) -> None:
    runs = [compute(full=True) for _ in range(4)]
    kept = set(Score.objects.values_list("run_id", flat=True))
    assert kept == {runs[2].pk, runs[3].pk}
    assert [storage.facts_file(run.pk).exists() for run in runs] == [False, False, True, True]

    # The history of the score is whole; rows are kept where a case or a recent run needs them.
    case = Case.objects.get()
    assert case.assessment.run == runs[0]
    assert Assessment.objects.filter(account=graph.accounts["mallory"]).count() == 4
    with_rows = set(EvidenceRow.objects.values_list("assessment__run_id", flat=True))
    assert with_rows == {runs[0].pk, runs[2].pk, runs[3].pk}


def test_old_assessments_without_a_case_go(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "_run_done", [])
    runs = [compute(full=True) for _ in range(3)]
    assert not Case.objects.exists()
    left = set(Assessment.objects.values_list("run_id", flat=True))
    assert left == {runs[1].pk, runs[2].pk}


def test_latest_scores_before_the_first_run() -> None:
    with pytest.raises(NoRun, match="compute_indicators"):
        latest_scores()


# -- As of a time ------------------------------------------------------------------------------


def values_of(scores: pa.Table) -> list[dict[str, Any]]:
    return scores.drop_columns(["account"]).to_pylist()


def test_as_of_equals_what_was_known_then(all_indicators: None, graph: Graph) -> None:
    """Computed then, with nothing else imported, or now as of then: the same values."""
    at = day(100)
    first = compute(as_of=at)
    then = values_of(latest_scores())
    late = graph.event("Offer", "mallory", "child7", on=200)
    graph.event("Block", "child7", "mallory", on=201)
    graph.event("Reject", "child7", late, on=202)
    graph.tie("adult3", "child9", since=203)
    second = compute(as_of=at)
    assert second != first
    assert second.figures["contacts"] == first.figures["contacts"]
    assert values_of(latest_scores()) == then


# -- The database's own word -------------------------------------------------------------------


@pytest.fixture
def as_application() -> Iterator[Any]:
    with transaction.atomic(), connection.cursor() as cursor:
        yield cursor


def test_a_threshold_version_with_runs_cannot_go(graph: Graph, as_application: Any) -> None:
    start()
    with pytest.raises(DatabaseError):
        as_application.execute("DELETE FROM signals_thresholdset")
