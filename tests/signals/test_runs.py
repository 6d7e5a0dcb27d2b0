"""The life of a run: complete or not at all, one at a time, and never half seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case
from signals import hooks, runner, storage, tasks
from signals.attempt import Replaced, RunLock, is_computing
from signals.engine.result import FACTS
from signals.errors import NoRun, RunBusy, RunEnded
from signals.models import Assessment, EvidenceRow, Run, Score
from signals.selectors import latest_assessment, latest_run, latest_scores
from signals.services import (
    approve_thresholds,
    cancel_run,
    propose_thresholds,
    release_dead_runs,
    start_after_import,
    start_run,
)
from signals.services.runs import MAX_ATTEMPTS
from signals.spec import KEYS
from staff.errors import NotAllowed, Refused
from staff.models import User
from tests.signals.graphs import Graph, day, low_threshold, school, two_indicators

pytestmark = pytest.mark.django_db(transaction=True)

COMMAND = Actor.system("command")


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


def start(**given: Any) -> Run:
    return start_run(actor=COMMAND, trigger="command", enqueue=False, **given)


def compute(progress: Callable[[str, float], None] | None = None, **given: Any) -> Run:
    return runner.execute(start(**given).pk, progress, actor=COMMAND)


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


# -- After a crash (the kills themselves are in test_crashes) ----------------------------------


def dead(**given: Any) -> Run:
    """A run as a killed process leaves it."""
    values = {"trigger": "command", "state": "running", "attempts": 1, "stage": "indicators"}
    return Run.objects.create(started_at=timezone.now(), **(values | given))


def test_the_sweep_puts_a_dead_run_back(graph: Graph) -> None:
    run = dead()
    Score.objects.create(
        run=run, account=graph.accounts["mallory"], points=1, rank=1, flagged=False, groups=0,
        minors=0, stretch="all", points_without_private_fast=1, age_check=False,
        recorded_minor=False, exempt=False, llr=[], k=[], n=[],
    )  # fmt: skip
    assert release_dead_runs(actor=COMMAND) == [run.pk]
    run.refresh_from_db()
    assert (run.state, run.stage, run.progress) == ("queued", "", 0.0)
    assert not Score.objects.exists()
    assert Entry.objects.get(verb="run.interrupted").before["stage"] == "indicators"
    assert runner.execute(run.pk).attempts == 2
    assert Run.objects.get().state == "done"


def test_the_sweep_leaves_a_living_run_alone(graph: Graph) -> None:
    swept: list[list[int]] = []
    run = compute(lambda _stage, _share: swept.append(release_dead_runs(actor=COMMAND)))
    assert swept
    assert not any(swept)
    assert (run.state, run.attempts) == ("done", 1)


def test_a_dead_run_that_was_to_be_cancelled_is(graph: Graph, admin: User) -> None:
    run = dead()
    assert cancel_run(actor=Actor.of_user(admin), run_id=run.pk).state == "cancelled"
    other = dead(cancel_requested=True)
    assert release_dead_runs(actor=COMMAND) == []
    other.refresh_from_db()
    assert other.state == "cancelled"


def test_a_run_that_always_dies_is_given_up(graph: Graph) -> None:
    run = dead(attempts=MAX_ATTEMPTS)
    assert release_dead_runs(actor=COMMAND) == []
    run.refresh_from_db()
    assert run.state == "failed"
    assert run.error == "Interrupted 10 times, the last time in the stage “indicators”."


def test_the_next_run_puts_a_dead_one_back_first(graph: Graph) -> None:
    old = dead(as_of=day(3))
    new = compute()
    old.refresh_from_db()
    assert (old.state, new.state) == ("queued", "done")


def test_the_command_takes_up_the_run_that_died(graph: Graph) -> None:
    run = dead()
    release_dead_runs(actor=COMMAND)
    assert start() == run


def test_tasks_may_run_twice_and_for_runs_that_are_gone(graph: Graph) -> None:
    run = start()
    tasks.execute_run(run.pk)
    tasks.execute_run(run.pk)
    tasks.execute_run(999)
    assert Run.objects.get().attempts == 1
    tasks.nightly_run()
    tasks.nightly_run()
    assert Run.objects.filter(state="queued", full=True, trigger="nightly").count() == 1


def test_a_task_that_finds_another_run_leaves_its_own_queued(graph: Graph) -> None:
    run = start()
    with RunLock() as lock:
        assert lock.take()
        tasks.execute_run(run.pk)
        tasks.sweep_runs()
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("queued", 0)


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
