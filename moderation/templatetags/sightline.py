"""What every page's template uses: navigation by role, times in words, severity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from django import template
from django.template.context import Context
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString

from moderation.domain.transitions import State, Verb
from moderation.domain.vocabulary import SEVERITY_LABELS, Severity
from moderation.domain.wording import STATE_WORDS, VERB_WORDS
from moderation.models import Case
from moderation.navigation import pages_of, place_of
from staff.capabilities import Capability
from staff.models import User

register = template.Library()


@dataclass(frozen=True, slots=True)
class NavigationItem:
    label: str
    url: str
    current: bool


# The engine's codes for a contact and for what became of it
_KINDS: dict[str, str] = {
    "offer": "friend request",
    "create": "message thread",
    "report": "report",
    "thread": "message thread",
}
_OUTCOMES: dict[str, str] = {
    "blocked": "blocked within a week",
    "pending": "no answer yet",
    "followed": "no approval needed",
    "none": "",
}


@register.simple_tag(takes_context=True)
def navigation(context: Context) -> list[NavigationItem]:
    """The pages that the signed-in person may open, the current one marked."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if request is None or not isinstance(user, User):
        return []
    here, case = request.path, context.get("case")
    if isinstance(case, Case) and here.startswith("/cases/"):
        here = reverse(place_of(case, user))
    return [
        NavigationItem(label, url, here.startswith((url, *below)))
        for label, url, below in pages_of(user)
    ]


@register.filter
def among_escalations(case: Case, user: User) -> bool:
    """Whether the pages of ``case`` belong to the escalations for ``user``, not to the queue."""
    return place_of(case, user) == "escalations"


@register.filter
def moment(value: datetime | None) -> str:
    """A point in time, absolute and short: ``14:20`` today, ``12 Nov, 14:20``, ``12 Nov 2025``."""
    if value is None:
        return "not recorded"
    local, now = timezone.localtime(value), timezone.localtime()
    if local.date() == now.date():
        return local.strftime("%H:%M")
    # Not Django's format, which takes ten times as long: a page says some hundred times when
    return local.strftime("%-d %b, %H:%M" if local.year == now.year else "%-d %b %Y, %H:%M")


@register.filter
def day(value: datetime | date | None) -> str:
    """A date with its year: ``12 Nov 2025``."""
    if value is None:
        return "not recorded"
    if isinstance(value, datetime):
        value = timezone.localtime(value)
    return date_format(value, "j M Y")


@register.filter
def span(value: timedelta | None) -> str:
    """A length of time in its largest unit, rounded down: ``3 days``, ``5 h``, ``12 min``."""
    if value is None:
        return ""
    seconds = int(abs(value).total_seconds())
    days, hours, minutes = seconds // 86_400, seconds // 3600, seconds // 60
    if days >= 2:
        return f"{days} days"
    if hours >= 1:
        return f"{hours} h"
    return f"{minutes} min"


@register.filter
def ago(value: datetime | None) -> str:
    """How long ago, in words: ``12 min ago``."""
    if value is None:
        return "never"
    passed = timezone.now() - value
    if passed < timedelta(minutes=1):
        return "just now"
    return f"{span(passed)} ago"


@register.filter
def points(value: float | None) -> str:
    """Points with their sign, as a whole number: ``+46``, ``−8``, ``0``."""
    if value is None:
        return ""
    rounded = round(value)
    return f"+{rounded}" if rounded > 0 else str(rounded).replace("-", "−")


@register.simple_tag
def severity(value: str) -> SafeString:
    """Shape and word of a severity."""
    return _severity(Severity(value))


@cache
def _severity(value: Severity) -> SafeString:
    said = {"value": value.value, "label": SEVERITY_LABELS[value]}
    return render_to_string("components/severity.html", said)


@register.filter
def get(mapping: dict[Any, Any], key: Any) -> Any:
    """What ``mapping`` holds under ``key``; None where it holds nothing."""
    return mapping.get(key)


@register.filter
def first_of(number: int, most: int) -> range:
    """To go through ``number`` places in a template, ``most`` at most."""
    return range(min(number, most))


@register.filter
def may(user: object, capability: str) -> bool:
    """Whether the signed-in person holds a capability."""
    return isinstance(user, User) and user.can(Capability(capability))


@register.filter
def verb_words(value: str) -> str:
    """How a decision reads in a sentence."""
    return VERB_WORDS[Verb(value)]


@register.filter
def state_words(value: str) -> str:
    """How a case's state reads in a sentence."""
    return STATE_WORDS[State(value)]


@register.filter
def what_happened(facts: dict[str, Any]) -> str:
    """Kind and outcome of a row of evidence, in words; codes that are new here as they are."""
    kind, outcome = str(facts.get("kind") or ""), str(facts.get("outcome") or "")
    said = [_KINDS.get(kind, kind), _OUTCOMES.get(outcome, outcome)]
    return ", ".join(part.replace("_", " ") for part in said if part).capitalize() or "–"
