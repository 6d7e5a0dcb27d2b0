"""The queue: which cases, in which order, a page at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from moderation.access import cases_in_sight, visible_cases
from moderation.domain.transitions import LIVE_STATES, State
from moderation.domain.vocabulary import Severity
from moderation.models import Case
from staff.models import User

PAGE_SIZE = 25
COUNTED = 1000
"""Beyond this many cases, counts say "1,000+"."""
_HELD = 10
FIRST_YEAR = 2025
"""Of references; a number without a year is looked for in each year since."""

TO_REVIEW = (State.OPEN, State.IN_REVIEW)
DECIDED = (State.DISMISSED, State.REFERRED)
VIEWS: dict[str, str] = {
    "review": "To review",
    "mine": "Held by me",
    "escalated": "Escalated",
    "monitoring": "Monitoring",
    "fallen": "Score fallen",
    "decided": "Decided",
    "all": "All",
}
"""Saved views by the name that the address carries, in the order of the tabs."""

_STATES: dict[str, tuple[State, ...]] = {
    "review": TO_REVIEW,
    "mine": (State.IN_REVIEW,),
    "escalated": (State.ESCALATED,),
    "monitoring": (State.MONITORING,),
    "fallen": tuple(state for state in State if state in LIVE_STATES),
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
    """One page of the queue. ``total`` counts the cases behind the filters, up to ``COUNTED``.

    ``held``: the first of the cases that the person holds, the shortest hold first.
    """

    cases: list[Case]
    total: int
    next_query: str = ""
    previous_query: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    held: list[Case] = field(default_factory=list)

    @property
    def summary(self) -> str:
        if not self.total:
            return "No cases"
        return "1 case" if self.total == 1 else f"{counted(self.total)} cases"


def counted(number: int) -> str:
    """A count as pages show it: ``83``, or ``1,000+`` where counting stopped."""
    return f"{COUNTED:,}+" if number > COUNTED else f"{number:,}"


def matching(user: User, filters: Filters) -> QuerySet[Case]:
    """The cases that ``user`` may see and the filters let through, in no order."""
    return _filtered(visible_cases(user), user, filters)


def _filtered(cases: QuerySet[Case], user: User, filters: Filters) -> QuerySet[Case]:
    if filters.q:
        # A search looks everywhere: who pastes a reference does not know the state of the case
        cases = cases.filter(pk__in=_found(cases, filters.q))
    elif filters.view == "mine":
        cases = cases.filter(holder=user, lease_expires_at__gt=Now())
    elif filters.view == "fallen":
        cases = cases.filter(fallen=True)
    if filters.severity:
        cases = cases.filter(severity=filters.severity)
    if filters.kind:
        cases = cases.filter(kind=filters.kind)
    states = _states(filters)
    return cases if len(states) == len(State) else cases.filter(state__in=states)


def page(user: User, filters: Filters, *, size: int = PAGE_SIZE) -> Page:
    """A page of the queue, the most urgent first. Seven queries, eight where anything is filtered,
    nine for a search.
    """
    visible = cases_in_sight(user)
    cases = _filtered(visible, user, filters)
    backwards = bool(filters.before)
    cursor = _CURSOR.fullmatch(filters.before or filters.after)
    rows = _after(cases, cursor, backwards) if cursor else cases
    places = _first(rows, _states(filters), backwards, size + 1)
    more, places = len(places) > size, places[:size]
    holding = _held(visible, user)
    own = [] if filters.view == "mine" or filters.q else holding[:_HELD]
    # One query for both: what it costs is to say, not to ask
    rows = with_row_data(visible).filter(pk__in={*places, *own})
    by_place = {case.pk: case for case in rows}
    found = [by_place[pk] for pk in places if pk in by_place]
    of_views = _counts(visible, user, mine=len(holding))
    if backwards:
        found.reverse()
    later, earlier = (True, more) if backwards else (more, bool(cursor))
    return Page(
        cases=found,
        total=_total(cases, filters, of_views),
        next_query=filters.query(after=_cursor(found[-1]), before="") if found and later else "",
        previous_query=(
            filters.query(before=_cursor(found[0]), after="") if found and earlier else ""
        ),
        counts=of_views,
        held=[by_place[pk] for pk in own if pk in by_place],
    )


def _states(filters: Filters) -> tuple[State, ...]:
    return tuple(State) if filters.q else _STATES.get(filters.view, tuple(State))


def _after(cases: QuerySet[Case], cursor: re.Match[str], backwards: bool) -> QuerySet[Case]:
    priority, pk = float(cursor[1]), int(cursor[2])
    if backwards:
        return cases.filter(Q(priority__gte=priority) & (Q(priority__gt=priority) | Q(pk__lt=pk)))
    return cases.filter(Q(priority__lte=priority) & (Q(priority__lt=priority) | Q(pk__gt=pk)))


def _first(
    cases: QuerySet[Case], states: tuple[State, ...], backwards: bool, size: int
) -> list[int]:
    """Ids of the first ``size`` cases in the order of the queue.

    Each state is read along its index, so that the length of the queue does not matter.
    """
    order = ("priority", "-pk") if backwards else ("-priority", "pk")
    of_states = [
        cases.filter(state=state).order_by(*order).values_list("pk", "priority")[:size]
        for state in states
    ]
    if len(of_states) == 1:
        return [pk for pk, _ in of_states[0]]
    merged = of_states[0].union(*of_states[1:], all=True).order_by(*order)[:size]
    return [pk for pk, _ in merged]


def _count(cases: QuerySet[Case]) -> int:
    """How many there are, up to one more than ``COUNTED``: nobody reads further."""
    return cases.order_by().values("pk")[: COUNTED + 1].count()


def with_row_data(cases: QuerySet[Case]) -> QuerySet[Case]:
    """``cases`` with what a row shows and nothing more: no name, no birth date is even read."""
    return cases.select_related("account", "holder", "escalated_by").only(
        "reference", "kind", "state", "severity", "priority", "priority_factors", "points",
        "fallen", "headline", "minors", "version", "lease_expires_at", "claimed_at", "escalated_at",
        "monitor_until", "opened_at", "waiting_since", "due_at", "decided_at",
        "account__account_id", "holder__name", "escalated_by__name",
    )  # fmt: skip


def _total(cases: QuerySet[Case], filters: Filters, of_views: dict[str, int]) -> int:
    """How many cases the filters let through; a view alone has been counted for its tab."""
    if filters.narrowed or filters.view not in of_views:
        return _count(cases)
    return of_views[filters.view]


def counts(user: User) -> dict[str, int]:
    """How many cases each view with a number on its tab holds. Five queries."""
    visible = cases_in_sight(user)
    return _counts(visible, user, mine=len(_held(visible, user)))


def _counts(visible: QuerySet[Case], user: User, *, mine: int) -> dict[str, int]:
    others = {
        view: _count(_filtered(visible, user, Filters(view=view)))
        for view in ("review", "escalated", "monitoring")
    }
    return {"mine": mine} | others


def _held(visible: QuerySet[Case], user: User) -> list[int]:
    """Ids of the cases that ``user`` holds under a lease that has not lapsed, the shortest first;
    at most one more than ``COUNTED``. One query.
    """
    held = _filtered(visible, user, Filters(view="mine")).order_by("lease_expires_at")
    return list(held.values_list("pk", flat=True)[: COUNTED + 1])


def arrived_since(user: User, filters: Filters, moment: datetime) -> int:
    """How many cases of these filters started to wait after ``moment``: what a page lacks."""
    return _count(matching(user, filters).filter(waiting_since__gt=moment))


def by_id(user: User, case_id: int) -> Case | None:
    """One row, fresh, or None where it may not be seen."""
    return with_row_data(visible_cases(user)).filter(pk=case_id).first()


def by_ids(user: User, ids: Sequence[int]) -> list[Case]:
    """Those of ``ids`` that may be seen, as rows, the most urgent first. One query."""
    rows = with_row_data(visible_cases(user)).filter(pk__in=ids)
    return list(rows.order_by("-priority", "pk"))


def _found(cases: QuerySet[Case], text: str) -> list[int]:
    """Ids of the cases that a pasted or typed identifier means. One query."""
    of_account = cases.filter(account__account_id__startswith=text)
    found = of_account.order_by("-priority", "pk").values_list("pk", flat=True)[: COUNTED + 1]
    reference = _REFERENCE.fullmatch(text)
    if reference is None:
        return list(found)
    years = [int(reference[1])] if reference[1] else range(FIRST_YEAR, timezone.now().year + 1)
    references = [f"SL-{year}-{int(reference[2]):06d}" for year in years]
    named = cases.filter(reference__in=references).values_list("pk", flat=True)
    return list(found.union(named.order_by()[:COUNTED], all=True))


def _cursor(case: Case) -> str:
    return f"{case.priority}~{case.pk}"
