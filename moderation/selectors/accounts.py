"""What the floor below asks: which accounts have a case, how cases ended, which were sampled."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import OuterRef, Subquery

from moderation.domain.transitions import State
from moderation.models import Case, Decision, SampledCase
from signals.hooks import Label, Sampled

_OUTCOMES = {State.DISMISSED.value: "dismissed", State.REFERRED.value: "confirmed"}


def with_cases() -> Iterator[int]:
    """Database ids of all accounts with a case: new evidence could change each of them."""
    return Case.objects.order_by().values_list("account_id", flat=True).distinct().iterator()


def labels() -> Iterator[Label]:
    """Every case that ended, with its outcome and, where dismissed, the reason's code."""
    last = Decision.objects.filter(case=OuterRef("pk")).order_by("-case_version")
    decided = (
        Case.objects.filter(state__in=_OUTCOMES)
        .annotate(reason=Subquery(last.values("reason")[:1]))
        .order_by("id")
        .values_list("account_id", "decided_at", "state", "reason")
    )
    for account, decided_at, state, reason in decided.iterator():
        if decided_at is not None:
            yield Label(account, decided_at, _OUTCOMES[state], reason or None)


def sampled() -> list[Sampled]:
    """Every case that was drawn by chance, with its outcome as it stands. One query.

    For figures alone: whoever decides on cases must not learn which these are.
    """
    cases = SampledCase.objects.order_by("pk").values_list("case__account_id", "case__state")
    return [Sampled(account, _OUTCOMES.get(state)) for account, state in cases]
