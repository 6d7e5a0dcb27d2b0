"""The style page: every component in every state, made of the same parts as all other pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from moderation.domain.vocabulary import Severity
from moderation.views.answers import go_to
from moderation.views.rows import Row
from staff.views import signed_in


@dataclass(frozen=True, slots=True)
class Colour:
    """A token of ``tokens.css`` and what it is for."""

    token: str
    purpose: str


_DECIDED: Final = "Decided 12 Nov, 14:20"

COLOURS: Final = (
    Colour("canvas", "the page"),
    Colour("surface", "panels, tables, fields"),
    Colour("raised", "menus and dialogs"),
    Colour("sunken", "heads of tables, code, counts"),
    Colour("hover", "what the pointer is on"),
    Colour("line", "what parts things"),
    Colour("line-strong", "edges of buttons and fields"),
    Colour("ink", "text"),
    Colour("ink-2", "text beside the text"),
    Colour("ink-3", "hints, labels, times"),
    Colour("accent", "links, the one primary button"),
    Colour("accent-strong", "the same, touched"),
    Colour("accent-soft", "what is chosen or one's own"),
    Colour("critical", "critical, danger, errors"),
    Colour("critical-soft", "the ground of these"),
    Colour("high", "high, warnings"),
    Colour("high-soft", "the ground of these"),
    Colour("good", "complete"),
    Colour("good-soft", "the ground of that"),
    Colour("raises", "what raises the score"),
    Colour("lowers", "what lowers it"),
    Colour("bar", "the bar on top"),
)
STEPS: Final = ("s1", "s2", "s3", "s4", "s5", "s6", "s7")
SIZES: Final = ("xs", "s", "m", "l", "xl", "2xl")
BUTTONS: Final = (
    ("", "Plain"),
    ("button--primary", "Primary"),
    ("button--danger", "Danger"),
    ("button--quiet", "Quiet"),
    ("button--small", "Small"),
)
"""Modifier and name."""


class StyleForm(forms.Form):
    """A field of every kind."""

    use_required_attribute = False

    words = forms.CharField(
        label="A line",
        help_text="The hint says what is wanted.",
        error_messages={"required": "Write something."},
    )
    choice = forms.ChoiceField(
        label="One of many",
        choices=[("", "Choose"), ("a", "The first"), ("b", "The second")],
        error_messages={"required": "Choose one from the list."},
    )
    day = forms.DateField(
        label="A day",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"required": "Choose a day."},
    )
    text = forms.CharField(
        label="Sentences",
        help_text="No names of children.",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why, in a sentence or two."},
    )
    one = forms.ChoiceField(
        label="One of a few",
        choices=[("a", "The first"), ("b", "The second"), ("c", "The third")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose one."},
    )
    some = forms.MultipleChoiceField(
        label="Any of these",
        choices=[("a", "Monday"), ("b", "Tuesday"), ("c", "Wednesday")],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose one at least."},
    )
    file = forms.FileField(label="A file", required=False)


FILLED: Final = {
    "words": "flagged-1",
    "choice": "b",
    "day": "2026-11-30",
    "text": "Their uncle.",
    "one": "b",
    "some": ["a", "c"],
}


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def style(request: HttpRequest) -> HttpResponse:
    """Colours, type, space, and each component as it stands, with its states beside each other.

    Nothing on it does anything: what a button sends leads back to the page.
    """
    if request.method == "POST":
        return go_to(request, reverse("style"))
    now = timezone.now()
    context: dict[str, Any] = {
        "colours": COLOURS,
        "steps": STEPS,
        "sizes": SIZES,
        "buttons": BUTTONS,
        "empty": StyleForm(auto_id="empty_%s"),
        "filled": StyleForm(initial=FILLED, auto_id="filled_%s"),
        "wrong": StyleForm({}, auto_id="wrong_%s"),
        "tags": ("", "accent", "good", "warning", "danger", "solid"),
        "severities": list(Severity),
        "rows": _rows(),
        "moments": {
            "today": now - timedelta(minutes=12),
            "earlier": now - timedelta(days=3),
            "last_year": now - timedelta(days=400),
        },
        "first_page": {"summary": "1 to 50 of 120", "previous_url": "", "next_url": "#pages"},
        "middle_page": {
            "summary": "51 to 100 of 120",
            "previous_url": "#pages",
            "next_url": "#pages",
        },
        "last_page": {"summary": "101 to 120 of 120", "previous_url": "#pages", "next_url": ""},
    }
    return render(request, "moderation/style.html", context)


def _rows() -> list[Row]:
    """A row of the queue in each of its states. No such case exists."""
    sentence = "4 of 5 first contacts with under-16s had no friend in common."
    plain: dict[str, Any] = {
        "url": "#rows",
        "claim_url": reverse("style"),
        "mine": False,
        "holder": "",
        "claimable": False,
        "standing": "",
        "fallen": "",
        "tone": "",
        "waiting": True,
        "due": "Due in 3 h",
        "due_at": "",
        "overdue": False,
        "sentence": sentence,
        "reasons": [("+46", "No friends in common"), ("+30", "Refused by children")],
        "factors": [("Points", "+76"), ("Youngest child", "+20")],
        "priority": "96",
        "minors": "5",
        "youngest": "13–15",
    }
    states: tuple[tuple[str, Severity, dict[str, Any]], ...] = (
        ("open", Severity.CRITICAL, {"claimable": True, "due": "Overdue by 2 h", "overdue": True}),
        (
            "in_review",
            Severity.HIGH,
            {"mine": True, "standing": "You hold it until 14:20", "tone": "solid"},
        ),
        (
            "in_review",
            Severity.HIGH,
            {"holder": "Max Okafor", "standing": "Max Okafor until 14:20", "tone": "accent"},
        ),
        (
            "escalated",
            Severity.CRITICAL,
            {"standing": "Escalated by Mo Reyes", "tone": "warning"},
        ),
        (
            "monitoring",
            Severity.STANDARD,
            {
                "standing": "Monitored until 30 Nov 2026",
                "fallen": "Score has fallen",
                "waiting": False,
                "due": _DECIDED,
            },
        ),
        (
            "dismissed",
            Severity.STANDARD,
            {
                "standing": "Dismissed",
                "sentence": "",
                "reasons": [],
                "due": _DECIDED,
            },
        ),
    )
    rows = []
    for number, (state, severity, differs) in enumerate(states, start=1):
        case: Any = SimpleNamespace(
            reference=f"SL-2026-00000{number}",
            severity=severity.value,
            state=state,
            kind="age_check" if state == "monitoring" else "contact",
            minors=5,
            pk=0,
        )
        given = plain | differs
        rows.append(Row(case=case, key=f"shown-{number}", account=f"flagged-{number}", **given))
    return rows
