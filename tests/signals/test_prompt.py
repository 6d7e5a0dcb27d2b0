"""Accounts brought up to date promptly: the values of a run with the same priors, seen at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from accounts.models import Account, Event, ImportBatch, Tie
from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case
from moderation.selectors.timeline import history
from signals import hooks, runner, snapshot, storage
from signals.engine import run as engine
from signals.engine.priors import Frozen, Stored
from signals.engine.result import scores_schema
from signals.engine.tables import RawGraph
from signals.models import Assessment, Run, Score, ThresholdSet
from signals.prompt import part as parts
from signals.prompt import update
from signals.selectors import latest_assessment, latest_run, latest_scores
from signals.selectors.runs import prompt_runs, runs_newest_first
from signals.services import prompt, start_after_import, start_run
from signals.simulate import SimulationSettings, simulate
from signals.simulate.raw import to_raw_graph
from signals.spec import ThresholdSpec
from staff.errors import NotAllowed
from tests.signals.graphs import Graph, school, two_indicators

pytestmark = pytest.mark.django_db(transaction=True)

COMMAND = Actor.system("command")
WORKER = Actor.system("worker")
CUT = datetime(2026, 7, 1, tzinfo=UTC)
"""What was published from here on arrives after the first run."""


@pytest.fixture(autouse=True)
def _nothing_ready() -> None:
    update._ready.clear()


def compute() -> Run:
    run = start_run(actor=COMMAND, trigger="command", enqueue=False, full=True)
    return runner.execute(run.pk, actor=COMMAND)


def batch_of(events: Iterable[Event]) -> ImportBatch:
    """The events as an import of their own."""
    events = list(events)
    now = timezone.now()
    batch = ImportBatch.objects.create(
        origin="api", state="done", accepted_events=len(events), started_at=now, finished_at=now
    )
    for event in events:
        event.batch = batch
    Event.objects.bulk_create(events, batch_size=2000)
    return batch


def bring_up_to_date(batch: ImportBatch) -> Run | None:
    return update.prompt_update(actor=WORKER, batch_id=batch.pk)


# -- A simulated community -----------------------------------------------------------------------


class Community:
    """A simulated community in the database, its events kept back until they are asked for."""

    def __init__(self, accounts: int, seed: int) -> None:
        graph = to_raw_graph(simulate(SimulationSettings(accounts=accounts, seed=seed)))
        now = timezone.now()
        self.batch = ImportBatch.objects.create(
            origin="command", state="done", started_at=now, finished_at=now
        )
        Account.objects.bulk_create(
            Account(
                **{
                    name: "" if value is None and name in _TEXTS else value
                    for name, value in row.items()
                    if name != "name_key"
                },
                account_id=f"a{row['id']}",
                batch=self.batch,
            )
            for row in _shifted(graph.accounts, "id")
        )
        Tie.objects.bulk_create(
            Tie(
                id=row["id"],
                a_id=row["a"],
                b_id=row["b"],
                kind=row["kind"],
                since=row["since"],
                until=row["until"],
                batch=self.batch,
            )
            for row in _ties(graph)
        )
        rows = sorted(
            _shifted(graph.events, "id", "actor", "object", "ref"), key=lambda r: r["published"]
        )
        number = {row["id"]: place for place, row in enumerate(rows, 1)}
        self.events = [
            Event(
                id=number[row["id"]],
                event_id=f"e{number[row['id']]}",
                type=row["type"],
                actor_id=row["actor"],
                object_id=row["object"],
                ref_id=row["ref"] and number[row["ref"]],
                reference=f"e{number[row['ref']]}" if row["ref"] else "",
                published=row["published"],
                batch=self.batch,
            )
            for row in rows
        ]

    def split(self) -> tuple[list[Event], list[Event]]:
        """Events before and from ``CUT``."""
        before = [event for event in self.events if event.published < CUT]
        return before, self.events[len(before) :]


_TEXTS = ("region", "community", "role", "age_band")


def _shifted(table: pa.Table, *names: str) -> list[dict[str, Any]]:
    """Rows with ids from 1 on."""
    rows = table.to_pylist()
    for row in rows:
        for name in names:
            row[name] = None if row[name] is None else row[name] + 1
    return rows


def _ties(graph: RawGraph) -> Iterable[dict[str, Any]]:
    seen = set()
    for number, row in enumerate(_shifted(graph.ties, "a", "b"), 1):
        if row["kind"] != "follow":
            row["a"], row["b"] = sorted((row["a"], row["b"]))
        key = (row["a"], row["b"], row["kind"], row["since"])
        if key not in seen:
            seen.add(key)
            yield row | {"id": number}


def defaults(**given: Any) -> ThresholdSpec:
    spec = ThresholdSpec(open_at=40.0, cohort_size=40, **given)
    ThresholdSet.objects.create(
        version=1,
        state="active",
        spec=spec.to_dict(),
        note="For tests.",
        activated_at=timezone.now(),
    )
    return spec


VALUES = [name for name in scores_schema().names if name not in ("account", "rank", "ring")]


def values_of(scores: pa.Table, accounts: Iterable[int]) -> dict[int, dict[str, Any]]:
    wanted = set(accounts)
    return {
        row["account"]: {name: row[name] for name in VALUES if name in row}
        for row in scores.to_pylist()
        if row["account"] in wanted
    }


def assert_equal(found: dict[int, dict[str, Any]], expected: dict[int, dict[str, Any]]) -> None:
    assert found.keys() == expected.keys()
    for account, values in found.items():
        for name, value in values.items():
            other = expected[account][name]
            if isinstance(value, float) and isinstance(other, float):
                assert value == pytest.approx(other, abs=1e-9), (account, name)
            else:
                assert value == other, (account, name)


def test_an_update_equals_a_run_over_everything_with_the_same_priors() -> None:
    spec = defaults()
    community = Community(300, seed=11)
    before, after = community.split()
    Event.objects.bulk_create(before, batch_size=2000)
    base = compute()
    stored = Stored(storage.priors_folder(base.pk))
    rng = np.random.default_rng(2)
    touched: set[int] = set()
    plans = []
    run: Run | None = None
    for some in (after[:60], after[60:120]):
        # an answer may arrive before, or with, what it answers
        run = bring_up_to_date(batch_of(rng.permutation(np.array(some, dtype=object))))
        assert run is not None
        assert run.base == base
        own = set(Score.objects.filter(run=run).values_list("account_id", flat=True))
        touched |= own
        plans.append(update._ready[0].plan)
    # the second followed what the first had written down: else it would take seconds
    assert plans[0] is not None
    assert plans[1] is plans[0]
    assert run is not None
    taken = snapshot.take()
    ids = np.sort(taken.graph.accounts["id"].to_numpy())
    whole = engine.run(taken.graph, spec, as_of=run.instant, priors=Frozen(stored, ids))
    assert len(own) > 20, "or nothing was compared"
    assert_equal(values_of(latest_scores(), own), values_of(whole.scores, own))
    # what nobody touched is as the complete run left it
    points = {row["account"]: row["points"] for row in latest_scores().to_pylist()}
    of_base = dict(Score.objects.filter(run=base).values_list("account_id", "points"))
    assert touched < points.keys()
    for account in points.keys() - touched:
        assert points[account] == of_base[account]


# -- What readers see ----------------------------------------------------------------------------


@pytest.fixture
def graph() -> Graph:
    two_indicators()
    return school()


def request_of(graph: Graph, child: str, on: float) -> ImportBatch:
    """mallory asks one more child, in an import of its own."""
    batch = ImportBatch.objects.create(origin="api", state="done", accepted_events=1)
    graph.event("Offer", "mallory", child, on=on, batch=batch)
    return batch


def points_of(graph: Graph, name: str = "mallory") -> float:
    account = graph.accounts[name].pk
    return next(r["points"] for r in latest_scores().to_pylist() if r["account"] == account)


def informative_of(graph: Graph) -> float:
    """Contacts of mallory with children that say whether they had friends in common."""
    account = graph.accounts["mallory"].pk
    return next(r["no_mutuals_n"] for r in latest_scores().to_pylist() if r["account"] == account)


def test_an_event_updates_score_and_case_at_once(graph: Graph) -> None:
    base = compute()
    case = Case.objects.get(account=graph.accounts["mallory"])
    before = informative_of(graph)
    run = bring_up_to_date(request_of(graph, "child3", 50))
    assert run is not None
    assert (run.state, run.trigger, run.base) == ("done", "prompt", base)
    assert latest_run() == base
    assert informative_of(graph) == before + 1
    assessment = latest_assessment(graph.accounts["mallory"])
    assert assessment is not None
    assert assessment.run == run
    case.refresh_from_db()
    assert case.assessment == assessment
    assert case.minors == assessment.minors
    assert run.cases_updated == 1
    entry = Entry.objects.get(verb="run.prompt")
    assert entry.after["base"] == base.pk
    story = history(case)
    assert story.compared_with == base.pk
    assert [(number, with_run) for _, _, number, with_run in story.scores] == [
        (base.pk, None),
        (run.pk, base.pk),
    ]
    # it is no run over the graph, and is not listed as one
    assert run not in runs_newest_first()


def test_events_open_a_case(graph: Graph) -> None:
    compute()
    batch = ImportBatch.objects.create(origin="api", state="done", accepted_events=20)
    for number in range(0, 20, 2):
        child = f"child{number}"
        offer = graph.event("Offer", "adult1", child, on=50 + number / 10, batch=batch)
        graph.event("Reject", child, offer, on=51 + number / 10, batch=batch)
    run = bring_up_to_date(batch)
    assert run is not None
    assert run.cases_opened == 1
    case = Case.objects.get(account=graph.accounts["adult1"])
    assert case.assessment.run == run
    assert points_of(graph, "adult1") == case.points


def test_the_next_complete_run_takes_its_place(graph: Graph) -> None:
    compute()
    prompt_run = bring_up_to_date(request_of(graph, "child3", 50))
    complete = compute()
    assert not prompt_runs(complete).exists()
    whole = engine.run(
        snapshot.take().graph, ThresholdSpec.from_dict(ThresholdSet.objects.get().spec)
    )
    everybody = whole.scores["account"].to_pylist()
    assert_equal(values_of(latest_scores(), everybody), values_of(whole.scores, everybody))
    assessment = latest_assessment(graph.accounts["mallory"])
    assert assessment is not None
    assert assessment.run == complete
    assert prompt_run is not None
    assert not Score.objects.filter(run=prompt_run).exists()


def test_a_complete_run_that_read_the_graph_earlier_takes_no_place(graph: Graph) -> None:
    """It began before the event and ends after the update: it does not know the event."""
    compute()
    made: list[Run] = []

    def meanwhile(stage: str, share: float) -> None:
        if stage == "cases" and not made:
            run = bring_up_to_date(request_of(graph, "child3", 50))
            assert run is not None
            made.append(run)

    late = start_run(actor=COMMAND, trigger="command", enqueue=False, full=True)
    late = runner.execute(late.pk, meanwhile, actor=COMMAND)
    assert late.state == "done"
    assert latest_run() == late
    (prompt_run,) = made
    assert list(prompt_runs(late)) == [prompt_run]
    assert (
        points_of(graph)
        == Score.objects.get(run=prompt_run, account=graph.accounts["mallory"]).points
    )
    case = Case.objects.get(account=graph.accounts["mallory"])
    assert case.assessment.run == prompt_run
    # the next one knows the event; it was queued after, or before: what it has read decides
    last = compute()
    case.refresh_from_db()
    assert not prompt_runs(last).exists()
    assessment = latest_assessment(graph.accounts["mallory"])
    assert assessment is not None
    assert assessment.run == last


def test_a_run_that_was_queued_first_but_reads_later_is_the_newer(graph: Graph) -> None:
    compute()
    queued = start_run(actor=COMMAND, trigger="command", enqueue=False, full=True)
    prompt_run = bring_up_to_date(request_of(graph, "child3", 50))
    assert prompt_run is not None
    assert prompt_run.pk > queued.pk
    complete = runner.execute(queued.pk, actor=COMMAND)
    assert complete.order > prompt_run.order
    assert not prompt_runs(complete).exists()


def test_a_run_that_ends_in_between_is_the_new_base(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compute()
    batch = request_of(graph, "child3", 50)
    compute_part = update._compute
    between: list[Run] = []

    def slow(*given: Any) -> Any:
        found = compute_part(*given)
        if not between:
            between.append(compute())
        return found

    monkeypatch.setattr(update, "_compute", slow)
    run = bring_up_to_date(batch)
    assert between[0] != first
    # the new run knows the event already: there is nothing to lay over it
    assert run is None
    assert latest_run() == between[0]


def test_what_fails_leaves_nothing(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    compute()
    seen = latest_scores()
    cases = list(Case.objects.values_list("reference", "version"))
    batch = request_of(graph, "child3", 50)

    def fail(run: Run, actor: Actor) -> tuple[int, int]:
        raise RuntimeError("cases")

    monkeypatch.setattr(hooks, "_run_done", [*hooks._run_done, fail])
    with pytest.raises(RuntimeError, match="cases"):
        bring_up_to_date(batch)
    assert latest_scores().equals(seen)
    assert list(Case.objects.values_list("reference", "version")) == cases
    assert not Run.objects.filter(trigger="prompt").exists()
    assert not Assessment.objects.filter(run__trigger="prompt").exists()


# -- What is left to the complete run ------------------------------------------------------------


def test_too_much_is_left_to_the_complete_run(
    graph: Graph, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute()
    batch = request_of(graph, "child3", 50)
    settings.SIGNALS_PROMPT_ACCOUNTS = 1
    assert bring_up_to_date(batch) is None
    settings.SIGNALS_PROMPT_ACCOUNTS = 200
    monkeypatch.setattr(parts, "MOST_ROWS", 5)
    assert bring_up_to_date(batch) is None
    assert not Run.objects.filter(trigger="prompt").exists()


def test_without_a_run_of_the_same_thresholds_there_is_nothing_to_compare_with(
    graph: Graph,
) -> None:
    assert bring_up_to_date(request_of(graph, "child3", 50)) is None
    base = compute()
    Run.objects.filter(pk=base.pk).update(basis={**base.basis, "engine": "another"})
    assert bring_up_to_date(request_of(graph, "child4", 51)) is None


def test_priors_go_with_the_runs_that_they_belong_to(graph: Graph) -> None:
    runs = [compute() for _ in range(3)]
    kept = [run for run in runs if storage.priors_folder(run.pk).exists()]
    assert kept == runs[1:]


def test_small_imports_ask_for_an_update(
    graph: Graph, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(prompt, "_send", lambda *given: asked.append(given))
    settings.SIGNALS_RUN_AFTER_IMPORT = True
    batch = request_of(graph, "child3", 50)
    start_after_import(batch)
    assert asked == [(prompt.UPDATE, batch.pk)]
    batch.accepted_events = django_settings.SIGNALS_PROMPT_ACCOUNTS + 1
    start_after_import(batch)
    batch.accepted_events = 0
    start_after_import(batch)
    assert len(asked) == 1


def test_only_who_may_start_runs_may_ask(graph: Graph, moderator: Any) -> None:
    with pytest.raises(NotAllowed):
        update.prompt_update(actor=Actor.of_user(moderator), batch_id=1)
