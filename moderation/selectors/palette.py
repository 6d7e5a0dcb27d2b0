"""What an identifier that somebody pastes leads to, as far as that person may go."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import Event, ImportBatch
from moderation.access import visible_cases
from moderation.models import Case
from moderation.navigation import pages_of
from moderation.selectors import queue
from moderation.selectors.queue import Filters
from signals.models import Run
from staff.capabilities import Capability
from staff.models import User

MOST_CASES = 8


@dataclass(frozen=True, slots=True)
class Hit:
    """A line of the palette: a link, or where ``post`` is set a button that does something."""

    sort: str  # "Case", "Page", …
    label: str
    url: str
    detail: str = ""
    post: bool = False


def find(user: User, text: str) -> list[Hit]:
    """Cases, records, pages and actions that ``text`` names; without text, pages and actions.

    Reads references (also without the year), account and event identifiers, numbers of runs,
    imports and audit entries. Five queries at most.
    """
    text = text.strip()[:255].replace("\x00", "")
    hits = _cases(user, text) + _records(user, text) if text else []
    return hits + [hit for hit in _places(user) if text.casefold() in hit.label.casefold()]


def _cases(user: User, text: str) -> list[Hit]:
    if not user.can(Capability.VIEW_CASES):
        return []
    found = list(queue.page(user, Filters(q=text), size=MOST_CASES).cases)
    hits = [_case(case, "Case") for case in found]
    event = Event.objects.filter(event_id=text).values_list("actor", "object", "ref__actor").first()
    if event is not None:
        of_event = visible_cases(user).filter(account__in=[key for key in event if key])
        hits += [_case(case, "Case of this event") for case in _shown(of_event)]
    return hits


def _shown(cases: QuerySet[Case]) -> list[Case]:
    return list(queue.with_row_data(cases).order_by("-priority", "pk")[:MOST_CASES])


def _case(case: Case, sort: str) -> Hit:
    return Hit(
        sort=sort,
        label=case.reference,
        url=reverse("case", args=[case.reference]),
        detail=f"{case.get_state_display()}, account {case.account.account_id[:40]}",
    )


def _records(user: User, text: str) -> list[Hit]:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return []
    number, hits = int(text), []
    if user.can(Capability.VIEW_RUNS) and Run.objects.filter(pk=number).exists():
        hits.append(Hit("Run", f"Run {number}", reverse("run_detail", args=[number])))
    if user.can(Capability.IMPORT_GRAPH) and ImportBatch.objects.filter(pk=number).exists():
        hits.append(Hit("Import", f"Import {number}", reverse("import_detail", args=[number])))
    return hits


def _places(user: User) -> list[Hit]:
    hits = []
    if user.can(Capability.REVIEW_CASES):
        hits.append(
            Hit("Action", "Start reviewing the next case", reverse("queue_start"), post=True)
        )
    hits += [Hit("Page", label, url) for label, url, _ in pages_of(user)]
    if user.can(Capability.VIEW_CASES):
        base = reverse("queue")
        hits += [
            Hit("Queue", label, f"{base}?{Filters(view=view).query()}")
            for view, label in queue.VIEWS.items()
            if view != "review"
        ]
    hits.append(Hit("Page", "Preferences", reverse("preferences")))
    hits.append(Hit("Page", "Help", reverse("help")))
    hits.append(Hit("Page", "Style", reverse("style")))
    return hits
