"""Runs: what was computed, when, how far the current one is; starting and cancelling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from signals.forms import StartForm
from signals.models import Run
from signals.selectors.runs import latest_run, runs_newest_first, spent
from signals.services import cancel_run, start_run
from signals.views.person import actor_of
from signals.wording import STAGE_NAMES
from staff.capabilities import Capability
from staff.errors import Refused
from staff.views import require

PAGE_SIZE = 50
ENDED = frozenset({Run.State.DONE, Run.State.FAILED, Run.State.CANCELLED})


@dataclass(frozen=True)
class Share:
    """So many of all first contacts of a kind."""

    words: str
    count: int
    out_of: int

    @property
    def percent(self) -> float:
        return 100 * self.count / self.out_of if self.out_of else 0.0


@dataclass(frozen=True)
class Stage:
    """A stage of a run on its page. ``seconds`` is None before it has ended."""

    name: str
    state: str  # "done", "current" or "waiting"
    seconds: float | None


@require(Capability.VIEW_RUNS)
@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    """All runs, newest first."""
    return _list(request, StartForm())


def _list(request: HttpRequest, form: StartForm) -> HttpResponse:
    page = Paginator(runs_newest_first(), PAGE_SIZE).get_page(request.GET.get("page"))
    links = {
        "number": page.number,
        "summary": f"Runs {page.start_index()} to {page.end_index()} of {page.paginator.count}",
        "previous_url": f"?page={page.previous_page_number()}" if page.has_previous() else "",
        "next_url": f"?page={page.next_page_number()}" if page.has_next() else "",
    }
    context = {
        "rows": [(run, spent(run)) for run in page],
        "any_live": any(run.state not in ENDED for run in page),
        "page": links,
        "latest": latest_run(),
        "may_start": actor_of(request).can(Capability.START_RUNS),
        "form": form,
    }
    if form.errors:
        return render(request, "signals/runs.html", context, status=422)
    return _poll(request, "signals/runs.html", "rows", context)


@require(Capability.VIEW_RUNS)
@require_safe
def run_detail(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: progress while it goes on, then what it found."""
    run = get_object_or_404(runs_newest_first(), pk=run_id)
    context = {
        "run": run,
        "ended": run.state in ENDED,
        "percent": round(100 * run.progress),
        "stages": stages_of(run),
        "spent": spent(run),
        "is_latest": run == latest_run(),
        "shares": shares_of(run),
        "may_see_thresholds": actor_of(request).can(Capability.VIEW_THRESHOLDS),
        "may_cancel": actor_of(request).can(Capability.START_RUNS) and run.state not in ENDED,
    }
    return _poll(request, "signals/run_detail.html", "update", context)


@require(Capability.START_RUNS)
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Queue a run, or say that nothing is new."""
    form = StartForm(request.POST)
    if not form.is_valid():
        return _list(request, form)
    run = start_run(actor=actor_of(request), trigger=Run.Trigger.PERSON, **form.cleaned_data)
    if run.state == Run.State.DONE:
        messages.info(request, f"Nothing is new since run {run.pk}; its values are current.")
    return redirect("run_detail", run_id=run.pk)


@require(Capability.START_RUNS)
@require_POST
def cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    """Cancel a run that waits or goes on."""
    get_object_or_404(Run, pk=run_id)
    try:
        cancel_run(actor=actor_of(request), run_id=run_id)
    except Refused as refusal:
        messages.warning(request, refusal.message)
    return redirect("run_detail", run_id=run_id)


def stages_of(run: Run) -> list[Stage]:
    """The stages of ``run`` in their order, with how each stands."""
    keys = list(STAGE_NAMES)
    current = keys.index(run.stage) if run.stage in keys else -1
    stages = []
    for number, key in enumerate(keys):
        state = "waiting"
        if run.state == Run.State.DONE or number < current:
            state = "done"
        elif number == current and run.state == Run.State.RUNNING:
            state = "current"
        stages.append(Stage(STAGE_NAMES[key], state, run.seconds.get(key)))
    return stages


def shares_of(run: Run) -> list[Share]:
    """What the first contacts of ``run`` are like."""
    figures = run.figures
    if "zero_mutual_at_contact" not in figures:
        return []
    at_contact, final = figures["zero_mutual_at_contact"], figures["zero_mutual_final"]
    return [
        Share("Without a friend in common at the contact", at_contact, run.contacts),
        *(
            Share(
                f"The same, where both sides had {ties} or more ties",
                counts["zero_mutual"],
                counts["contacts"],
            )
            for ties, counts in figures["both_sides"].items()
        ),
        Share("Without a friend in common on the graph as it is now", final, run.contacts),
    ]


def _poll(
    request: HttpRequest, template: str, partial: str, context: dict[str, Any]
) -> HttpResponse:
    """The page, or for htmx only the part of it that changes."""
    if request.headers.get("HX-Request") != "true":
        return render(request, template, context)
    return render(request, f"{template}#{partial}", {**context, "swapped": True})
