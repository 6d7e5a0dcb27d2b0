"""Accounts below the threshold, and which of them a run draws."""

from __future__ import annotations

from typing import Any

from audit.actors import Actor
from moderation.models import Case
from moderation.services import intake
from signals.draws import sample_of
from signals.models import Assessment, Run, ThresholdSet
from signals.spec import ThresholdSpec
from staff.models import User
from tests.moderation import factories

PLAIN = {"exempt": False, "recorded_minor": False}


def thresholds(author: User, **given: Any) -> ThresholdSet:
    spec = ThresholdSpec(**({"sample_share": 0.2} | given)).to_dict()
    return factories.thresholds(author, spec=spec)


def below(run: Run, number: int = 100, **given: Any) -> list[Assessment]:
    """Accounts without a case, not flagged, with points of every kind, explained by ``run``."""
    values: dict[str, Any] = {"flagged": False, "groups": 0, "summary": PLAIN} | given
    return [
        factories.assessment(None, run, **({"points": 1.5 * n - 60.0} | values))
        for n in range(number)
    ]


def drawn(run: Run, found: list[Assessment]) -> set[int]:
    """The accounts of ``found`` that the run draws."""
    sample = sample_of(run)
    assert sample is not None
    return set(sample.place_of([one.account_id for one in found]))


def take_in(run: Run) -> tuple[int, int]:
    return intake.open_cases(run, Actor.system("worker"))


def sampled_and_other(run: Run) -> tuple[Case, Case]:
    """A case of the draw, and one that opened at the threshold, alike but for their points."""
    expected = drawn(run, below(run, points=60.0, groups=2))
    other = factories.assessment(in_run=run, summary=PLAIN)
    take_in(run)
    return Case.objects.get(account=min(expected)), Case.objects.get(account=other.account)
