"""Searching the trail and reading what verifications found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from audit import verbs
from audit.models import Entry
from staff.models import User

PAGE: Final = 50
"""Entries on one page."""

_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?Z")
_CASE: Final = re.compile(r"[A-Z]{2,4}-\d{4}-\d+", re.IGNORECASE)

# What names nobody: staff and systems by number or role, cases, and things that have a number.
_ACTOR: Final = re.compile(r"(staff|key):[0-9]+|system:[a-z]+")
_NUMBERED: Final = re.compile(
    rf"(case:)?{_CASE.pattern}|(bulk|import|key|run|second_look|staff|thresholds):[0-9]+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the page looks for. Empty values filter nothing; days are in the site's time zone."""

    person: str = ""
    target: str = ""
    verb: str = ""
    since: date | None = None
    until: date | None = None

    def as_dict(self) -> dict[str, str]:
        """The filters in use, as an address carries them."""
        values = {
            "person": self.person,
            "target": self.target,
            "verb": self.verb,
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
        }
        return {name: value for name, value in values.items() if value}

    def for_trail(self) -> dict[str, str]:
        """The filters in use, as the entry of an export keeps them.

        Nothing is ever erased from the trail, so free text, which may be somebody's name, stands
        there as a keyed digest: the same text gives the same digest in one installation, and
        nobody without its secret key can find the text by trying names.
        """
        said = self.as_dict()
        for name, telling in (("person", _ACTOR), ("target", _NUMBERED)):
            if name in said and not telling.fullmatch(said[name]):
                digest = salted_hmac("sightline.audit.filter", said[name], algorithm="sha256")
                said[name] = f"digest:{digest.hexdigest()}"
        return said


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that an entry says changed; None where it was or is not there."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as the page shows it."""

    entry: Entry
    who: str
    who_id: str
    phrase: str
    changes: list[Change]

    @property
    def hash(self) -> str:
        return bytes(self.entry.hash).hex()

    @property
    def previous_hash(self) -> str:
        return bytes(self.entry.previous_hash).hex()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the trail, the newest entry first."""

    rows: list[Row]
    previous_url: str
    next_url: str
    summary: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The last verification, and since when another one has been under way, if one is."""

    at: datetime | None
    by: str
    ok: bool
    entries: int
    head: str
    first_bad: int | None
    problem: str
    running_since: datetime | None


def matching(filters: Filters) -> QuerySet[Entry]:
    """The entries that ``filters`` lets through, in no particular order."""
    found = Entry.objects.all()
    if filters.person:
        found = found.filter(_by_person(filters.person))
    if filters.target:
        found = found.filter(_by_target(filters.target))
    if filters.verb:
        found = found.filter(verb=filters.verb)
    if filters.since:
        found = found.filter(at__gte=_start_of(filters.since))
    if filters.until and filters.until < date.max:  # there is no day after the last one
        found = found.filter(at__lt=_start_of(filters.until + timedelta(days=1)))
    return found


def page(filters: Filters, *, before: int | None = None, after: int | None = None) -> Page:
    """``PAGE`` entries below number ``before`` or above ``after``; without both, the newest."""
    entries = matching(filters)
    if after is not None:
        found = list(entries.filter(number__gt=after).order_by("number")[: PAGE + 1])
        newer, older = len(found) > PAGE, True
        found = found[:PAGE][::-1]
    else:
        if before is not None:
            entries = entries.filter(number__lt=before)
        found = list(entries.order_by("-number")[: PAGE + 1])
        newer, older = before is not None, len(found) > PAGE
        found = found[:PAGE]
    if not found:
        return Page([], "", "", "")
    query = filters.as_dict()
    first, last = found[0].number, found[-1].number
    return Page(
        rows=[_row(entry) for entry in found],
        previous_url="?" + urlencode({**query, "after": first}) if newer else "",
        next_url="?" + urlencode({**query, "before": last}) if older else "",
        summary=f"Entries {first} to {last}",
    )


def verdict() -> Verdict:
    """What the newest verification entry says."""
    last = Entry.objects.filter(verb="audit.verify").order_by("-number").first()
    asked = Entry.objects.filter(verb="audit.ask_verification").order_by("-number").first()
    waiting = asked is not None and (last is None or last.number < asked.number)
    said = last.after if last is not None else {}
    return Verdict(
        at=last.at if last is not None else None,
        by=last.actor.partition(" ")[2] or last.actor if last is not None else "",
        ok=bool(said.get("ok")),
        entries=int(said.get("entries", 0)),
        head=str(said.get("head", "")),
        first_bad=said.get("first_bad"),
        problem=str(said.get("problem", "")),
        running_since=asked.at if asked is not None and waiting else None,
    )


def changes(entry: Entry) -> list[Change]:
    """Each member of ``before`` and ``after``, side by side, in words.

    A member that was not there before and holds nothing now says nothing, and is left out.
    """
    before, after = _mapping(entry.before), _mapping(entry.after)
    names = [*before, *(name for name in after if name not in before and after[name] not in _EMPTY)]
    return [
        Change(
            name=name.replace("_", " "),
            before=in_words(before[name]) if name in before else None,
            after=in_words(after[name]) if name in after else None,
        )
        for name in names
    ]


def in_words(value: Any) -> str:
    """A JSON value for reading: ``yes``, ``none``, ``a, b``, ``x: 1; y: 2``.

    Long decimals and fractions of a second are cut; the exported entry has them in full.
    """
    if value in _EMPTY:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(in_words(item) for item in value)
    if isinstance(value, dict):
        return "; ".join(f"{key}: {in_words(item)}" for key, item in value.items())
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and (moment := _MOMENT.fullmatch(value)):
        return f"{moment[1]} {moment[2]} UTC"
    return str(value)


def _row(entry: Entry) -> Row:
    kind, _, name = entry.actor.partition(" ")
    return Row(
        entry=entry,
        who=name or entry.actor,
        who_id=kind,
        phrase=verbs.phrase(entry.verb),
        changes=changes(entry),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"value": value}


def _by_person(text: str) -> Q:
    """By e-mail address, identifier (``staff:12``, ``system:worker``), or part of the name."""
    if "@" in text:
        person = User.objects.filter(email__iexact=text).first()
        return Q(actor__startswith=f"staff:{person.pk} ") if person else Q(pk__in=[])
    if re.fullmatch(r"[a-z]+:\w+", text):
        return Q(actor=text) | Q(actor__startswith=f"{text} ")
    return Q(actor__icontains=text)


def _by_target(text: str) -> Q:
    """By ``kind:identifier``, by a case's reference, or by the identifier alone."""
    if _CASE.fullmatch(text):
        return Q(target=f"case:{text.upper()}")
    return Q(target=text) if ":" in text else Q(target__endswith=f":{text}")


def _start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
