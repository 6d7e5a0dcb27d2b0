"""What second looks show of the team as a whole, and never of one person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count

from moderation.domain.second_look import AGREEMENT_LABELS, Agreement
from moderation.models import SecondLook

STRETCH = timedelta(days=90)
FEWEST = 10
"""Below so many answers the figures would speak of single people."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The last ``STRETCH``. ``shares``: label, number and percent; empty below ``FEWEST``."""

    answered: int
    waiting: int
    shares: list[tuple[str, int, int]]


def figures(now: datetime) -> Figures:
    """How often second looks agreed with the decisions of the team. Two queries."""
    answered = SecondLook.objects.filter(looked_at__gt=now - STRETCH)
    counts = dict(answered.order_by().values_list("agreement").annotate(number=Count("pk")))
    total = sum(counts.values())
    shares = [
        (AGREEMENT_LABELS[agreement], number, round(100 * number / total))
        for agreement in Agreement
        if (number := counts.get(agreement.value, 0)) or total
    ]
    return Figures(
        answered=total,
        waiting=SecondLook.objects.filter(looked_at=None).count(),
        shares=shares if total >= FEWEST else [],
    )
