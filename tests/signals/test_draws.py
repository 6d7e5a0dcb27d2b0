"""The random draw in real runs: whom it takes, when it is another, and that it costs nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import time_machine

from moderation.models import Case, SampledCase
from signals import runner
from signals.draws import month_of, sample_of
from signals.engine import sample
from signals.models import Assessment, Run
from signals.selectors import latest_scores
from tests.signals.graphs import Graph, day, school, two_indicators
from tests.signals.running import COMMAND, compute, start

pytestmark = pytest.mark.django_db(transaction=True)

NOVEMBER = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)


@pytest.fixture
def graph() -> Graph:
    two_indicators(sample_share=0.2)
    return busy_school()


def busy_school() -> Graph:
    """``school`` where most grown-ups have asked three children, so that they are assessed."""
    graph = school()
    graph.requests(
        *(
            (f"adult{number}", f"child{(number + step) % 30}", 20 + step, "Accept")
            for number in range(50)
            for step in range(3)
        )
    )
    return graph


def below() -> set[int]:
    """Accounts of grown-ups that the last run assessed and did not flag."""
    scores = latest_scores().to_pylist()
    return {
        row["account"]
        for row in scores
        if not row["flagged"] and not row["exempt"] and not row["recorded_minor"]
    }


def drawn(run: Run, among: set[int]) -> set[int]:
    found = sample_of(run)
    assert found is not None
    return set(found.place_of(sorted(among)))


def sampled() -> set[int]:
    return set(SampledCase.objects.values_list("case__account_id", flat=True))


def test_a_run_explains_and_opens_whom_it_draws_and_nobody_else(graph: Graph) -> None:
    run = compute()
    expected = drawn(run, below())
    assert expected
    assert sampled() == expected
    flagged = {row["account"] for row in latest_scores().to_pylist() if row["flagged"]}
    explained = Assessment.objects.filter(run=run)
    assert set(explained.values_list("account", flat=True)) == flagged | expected
    assert set(Case.objects.values_list("account", flat=True)) == flagged | expected
    assert run.cases_opened == len(flagged | expected)
    for one in explained.filter(account__in=expected):
        assert not one.flagged
        assert len(one.contributions) > 1


def test_further_runs_of_the_month_draw_the_same_and_another_month_others(graph: Graph) -> None:
    with time_machine.travel(NOVEMBER, tick=True):
        first = compute()
        november = sampled()
        assert start() == first, "nothing is new"
        again = compute(full=True)
        assert (month_of(again), sampled()) == ("2026-11", november)
        assert again.cases_opened == 0
    with time_machine.travel(NOVEMBER + timedelta(days=2), tick=True):
        december = compute()
        assert december.pk != again.pk, "a new month is reason enough"
        assert month_of(december) == "2026-12"
        expected = drawn(december, below())
        asked, before = sample_of(december), sample_of(first)
        assert asked is not None
        assert before is not None
        assert asked.key != before.key
        assert sampled() == november | expected


def test_a_run_that_is_begun_again_in_another_month_draws_as_it_would_have(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(NOVEMBER, tick=True):
        run = start()
        asked = sample_of(run)
    with time_machine.travel(NOVEMBER + timedelta(days=2), tick=True):
        done = runner.execute(run.pk, actor=COMMAND)
        assert sample_of(done) == asked
    assert asked is not None
    assert sampled() == set(asked.place_of(sorted(below())))


def test_a_run_as_of_an_earlier_time_draws_nobody(graph: Graph) -> None:
    run = compute(as_of=day(400))
    assert run.state == "done"
    assert not sampled()
    assert "sample" not in run.basis


def test_another_secret_draws_others(graph: Graph, settings: object) -> None:
    run = start()
    one = sample_of(run)
    settings.SECRET_KEY = "another secret of more than thirty-two characters"  # type: ignore[attr-defined]  # pytest-django's fixture
    other = sample_of(run)
    assert one is not None
    assert other is not None
    assert one.key != other.key
    assert one.share == other.share == 0.2


def test_turned_off_nothing_is_drawn_or_asked(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_indicators()
    busy_school()

    def never(*_arguments: object) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
        raise AssertionError("nobody asks for places in a draw that is off")

    monkeypatch.setattr(sample.Sample, "places", never)
    run = compute()
    assert run.state == "done", run.error
    assert "sample" not in run.basis
    assert Case.objects.count() == run.flagged > 0
    assert Assessment.objects.count() == run.flagged
