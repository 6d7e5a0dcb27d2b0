"""The queue: which cases, in which order, a page at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now

from accounts.models import Account
from moderation.access import visible_cases
from moderation.domain.transitions import State
from moderation.domain.vocabulary import Severity
from moderation.models import Case
from staff.models import User

PAGE_SIZE = 25

TO_REVIEW = (State.OPEN, State.IN_REVIEW)
DECIDED = (State.DISMISSED, State.REFERRED)
VIEWS: dict[str, str] = {
    "review": "To review",
    "mine": "Held by me",
    "escalated": "Escalated",
    "monitoring": "Monitoring",
    "decided": "Decided",
    "all": "All",
}
"""Saved views by the name that the address carries, in the order of the tabs."""

_STATES: dict[str, tuple[State, ...]] = {
    "review": TO_REVIEW,
    "mine": (State.IN_REVIEW,),
    "escalated": (State.ESCALATED,),
    "monitoring": (State.MONITORING,),
    "decided": DECIDED,
}
_CURSOR = re.compile(r"(-?\d{1,9}(?:\.\d{1,6})?)~(\d{1,18})")
_REFERENCE = re.compile(r"(?:SL-)?(?:(\d{4})-)?0*(\d{1,9})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for. Values that mean nothing are dropped, not refused."""

    view: str = "review"
    severity: str = ""
    kind: str = ""
    q: str = ""
    after: str = ""
    before: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Filters:
        """The filters in a query string."""
        values = {item.name: query.get(item.name, "").strip()[:255] for item in fields(cls)}
        if values["view"] not in VIEWS:
            values["view"] = "review"
        if values["severity"] not in set(Severity):
            values["severity"] = ""
        if values["kind"] not in Case.Kind.values:
            values["kind"] = ""
        values["q"] = values["q"].replace("\x00", "")
        return cls(**values)

    def query(self, **changes: str) -> str:
        """The query string of these filters with ``changes``."""
        values = {item.name: getattr(self, item.name) for item in fields(self)} | changes
        if not changes.keys() & {"after", "before"}:
            values["after"] = values["before"] = ""  # another filter starts at the first page
        if values["view"] == "review":
            values["view"] = ""
        return urlencode({name: value for name, value in values.items() if value})

    @property
    def narrowed(self) -> bool:
        """Whether anything beyond the view is asked for."""
        return bool(self.severity or self.kind or self.q)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the queue. ``total`` counts all cases that the filters let through."""

    cases: list[Case]
    total: int
    next_query: str = ""
    previous_query: str = ""
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        if not self.total:
            return "No cases"
        return "1 case" if self.total == 1 else f"{self.total:,} cases"


def matching(user: User, filters: Filters) -> QuerySet[Case]:
    """The cases that ``user`` may see and the filters let through, in no order."""
    cases = visible_cases(user)
    if filters.q:
        # A search looks everywhere: who pastes a reference does not know the state of the case
        cases = cases.filter(_found(filters.q))
    elif filters.view in _STATES:
        cases = cases.filter(state__in=_STATES[filters.view])
    if filters.view == "mine":
        cases = cases.filter(holder=user, lease_expires_at__gt=Now())
    if filters.severity:
        cases = cases.filter(severity=filters.severity)
    if filters.kind:
        cases = cases.filter(kind=filters.kind)
    return cases


def page(user: User, filters: Filters, *, size: int = PAGE_SIZE) -> Page:
    """A page of the queue, the most urgent first. Four queries, whatever its size."""
    cases = matching(user, filters)
    rows = with_row_data(cases)
    backwards = bool(filters.before)
    cursor = _CURSOR.fullmatch(filters.before or filters.after)
    if cursor:
        priority, pk = float(cursor[1]), int(cursor[2])
        if backwards:
            rows = rows.filter(Q(priority__gt=priority) | Q(priority=priority, pk__lt=pk))
        else:
            rows = rows.filter(
                Q(priority__lte=priority) & (Q(priority__lt=priority) | Q(pk__gt=pk))
            )
    ordered = rows.order_by("priority", "-pk") if backwards else rows.order_by("-priority", "pk")
    found = list(ordered[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    later = more if not backwards else True
    earlier = more if backwards else bool(cursor)
    return Page(
        cases=found,
        total=cases.count(),
        next_query=filters.query(after=_cursor(found[-1]), before="") if found and later else "",
        previous_query=(
            filters.query(before=_cursor(found[0]), after="") if found and earlier else ""
        ),
        counts=counts(user),
    )


def with_row_data(cases: QuerySet[Case]) -> QuerySet[Case]:
    """``cases`` with what a row shows and nothing more: no name, no birth date is even read."""
    return cases.select_related("account", "holder", "escalated_by").only(
        "reference", "kind", "state", "severity", "priority", "priority_factors", "points",
        "headline", "minors", "version", "lease_expires_at", "claimed_at", "escalated_at",
        "monitor_until", "opened_at", "waiting_since", "due_at", "decided_at",
        "account__account_id", "holder__name", "escalated_by__name",
    )  # fmt: skip


def counts(user: User) -> dict[str, int]:
    """How many cases each view holds, for the tabs. One query over an index."""
    return visible_cases(user).aggregate(
        review=Count("pk", filter=Q(state__in=TO_REVIEW)),
        mine=Count("pk", filter=Q(holder=user, lease_expires_at__gt=Now())),
        escalated=Count("pk", filter=Q(state=State.ESCALATED)),
        monitoring=Count("pk", filter=Q(state=State.MONITORING)),
    )


def arrived_since(user: User, filters: Filters, moment: datetime) -> int:
    """How many cases of these filters started to wait after ``moment``: what a page lacks."""
    return matching(user, filters).filter(waiting_since__gt=moment).count()


def held_by(user: User, now: datetime) -> list[Case]:
    """The cases that ``user`` holds under a lease that has not lapsed, the shortest first."""
    held = visible_cases(user).filter(state=State.IN_REVIEW, holder=user, lease_expires_at__gt=now)
    return list(with_row_data(held).order_by("lease_expires_at")[:10])


def by_id(user: User, case_id: int) -> Case | None:
    """One row, fresh, or None where it may not be seen."""
    return with_row_data(visible_cases(user)).filter(pk=case_id).first()


def _found(text: str) -> Q:
    reference = _REFERENCE.fullmatch(text)
    wanted = Q(account__in=Account.objects.filter(account_id__startswith=text).values("pk")[:1000])
    if reference:
        number = f"{int(reference[2]):06d}"
        wanted |= Q(reference__endswith=f"-{number}") & (
            Q(reference__startswith=f"SL-{reference[1]}-") if reference[1] else Q()
        )
    return wanted


def _cursor(case: Case) -> str:
    return f"{case.priority}~{case.pk}"
