"""``report.pdf``: the case for reading on paper, tagged for those who read otherwise (PDF/UA-1).

The layout is ``report.typ``; this file decides what stands in it. Texts go in as data and never as
markup. The bytes depend on the view alone: its moment is the document's date, and only the faces
that come with the program are used (``faces``).
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import typst

from moderation.domain.vocabulary import SEVERITY_LABELS, Severity
from moderation.package import faces
from moderation.package.drawings import network_key, network_svg, timeline_key, timeline_svg
from moderation.package.view import DRAFT_NOTICE, CaseView, ContactView, Identity
from moderation.selectors.people import BANDS
from signals.networks import Kind

TEMPLATE: Final = Path(__file__).with_name("report.typ")

MOST_ROWS: Final = 150
"""Rows of a table in the report; ``contacts.csv`` and ``evidence.json`` hold all."""

CROWDED: Final = 50
"""People in the network picture; above it their letters need the width of the page."""

# Signs that show nothing and belong to the writing of their neighbours: joiners between letters of
# scripts that need them and between emoji, and the one that asks for an emoji.
_JOINERS: Final = re.compile(
    "(?<=[\u0300-\U0010ffff])(?:\ufe0f|[\u200c\u200d](?=[\u0300-\U0010ffff]))"
)

# Words too long for a cell, and where they may be broken. Scripts that join their letters, or have
# rules of their own, keep theirs together for longer.
_LONG: Final = re.compile(r"\S{23,}")
_PART: Final = re.compile(r"[!-\u02ff\u0370-\u052f]{4}(?=.)|[^!-\u02ff\u0370-\u052f]{40}(?=.)")


def report_pdf(view: CaseView) -> bytes:
    """The file. Raises typst.TypstError where the layout itself is broken."""
    return typst.compile(
        TEMPLATE,
        sys_inputs={"data": json.dumps(_content(view), ensure_ascii=False)},
        ignore_system_fonts=True,
        font_paths=list(faces.folders()),
        pdf_standards=["ua-1"],
        timestamp=int(view.as_of.timestamp()),
    )


def printable(text: str) -> str:
    """``text`` with signs that the faces lack, or that show nothing, written as ``[U+202E]``.

    So are accents and the like that no face has together with the letter below. Words too long for
    a cell get places where the line may break.
    """
    known, marks = faces.shown(), faces.marks()
    text = text.replace("\t", " ")
    joiners = {found.start() for found in _JOINERS.finditer(text)}
    shown, below = "", 0  # the sign that the next mark would be set onto
    for place, sign in enumerate(text):
        code = ord(sign)
        if place in joiners or sign == "\n":
            shown += sign
        elif code not in known or (code in marks and not faces.carries(below, code)):
            shown += f"[U+{code:04X}]"
            below = 0
            continue
        else:
            shown += sign
        if code not in marks and place not in joiners:
            below = code
    return _LONG.sub(lambda word: _PART.sub(lambda part: part[0] + "\u200b", word[0]), shown)


def _content(view: CaseView) -> dict[str, Any]:
    network, left_out = network_svg(view)
    content = {
        "faces": faces.families(),
        "reference": view.reference,
        "draft": DRAFT_NOTICE if view.is_draft else "",
        "platform": view.reporter.platform,
        "as_of": _when(view.as_of),
        "facts": _facts(view),
        "lead": _lead(view),
        "escalation": _escalation(view),
        "raises": [_sentence(s.text, s.points) for s in view.pointing("raises")],
        "lowers": [_sentence(s.text, s.points) for s in view.pointing("lowers")],
        "neutral": [s.text for s in view.pointing("neutral")],
        "not_assessed": [f"{s.name}: {s.text}" for s in view.pointing("not_assessed")],
        "network": {
            "svg": network if view.contacts else "",
            "alt": _around(view),
            "left_out": left_out,
            "crowded": len(view.contacts) > CROWDED,
        },
        "network_key": network_key(),
        "timeline": {"svg": timeline_svg(view), "alt": _spread(view)},
        "timeline_key": timeline_key(view),
        "children": [_child(child) for child in view.children[:MOST_ROWS]],
        "more_children": max(0, len(view.children) - MOST_ROWS),
        "others": _others(view),
        "events": _events(view),
        "decisions": _decisions(view),
        "reporter": _reporter(view),
        "identities": [_identity(child) for child in view.children],
    }
    return _printable(content)  # type: ignore[no-any-return]  # keeps the shape that it gets


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.startswith("<svg") else printable(value)
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value]
    return value


def _facts(view: CaseView) -> list[tuple[str, str]]:
    who = view.account
    facts = [
        ("Platform", view.reporter.platform),
        ("Account", who.account_id),
        ("Display name", who.display_name or "none"),
        ("Age", f"{_age(who, view)} ({who.age_source.replace('_', ' ')})"),
        ("Region", who.region or "not recorded"),
        ("Account status", who.status),
        ("Account created", _when(who.created_at) if who.created_at else "not recorded"),
        ("Severity", SEVERITY_LABELS[Severity(view.severity)]),
        ("Points", f"{view.points:.0f} (20 points double the odds)"),
        ("Case opened", _when(view.opened_at)),
    ]
    if who.role:
        facts.insert(6, ("Role recorded", who.role))
    if who.community:
        facts.insert(6, ("Community", who.community))
    if view.linked:
        facts.append(("Linked accounts", ", ".join(linked.account_id for linked in view.linked)))
    if who.prior_reports:
        facts.append(("Reported before", ", ".join(f"NCMEC {n}" for n in who.prior_reports)))
    if view.held_since:
        facts.append(("Police hold", f"since {_when(view.held_since)}"))
    return facts


def _age(who: Identity, view: CaseView) -> str:
    if who.birth_date:
        day, born = view.as_of.date(), who.birth_date
        age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
        return f"{age}, born {born:%-d %B %Y}"
    if who.birth_year:
        return f"about {view.as_of.year - who.birth_year}, born in {who.birth_year}"
    return BANDS.get(who.band, "not known")


def _lead(view: CaseView) -> str:
    children, accepted = len(view.children), len(view.accepted)
    bands: dict[str, int] = {}
    for child in view.children:
        bands[child.band] = bands.get(child.band, 0) + 1
    ages = ", ".join(f"{count} aged {band}" for band, count in sorted(bands.items()))
    said = f"The account contacted {_count(children, 'child', 'children')}"
    if children:
        said += f" ({ages}); {accepted} accepted"
    said = f"{said}. {_spread(view)}".strip()
    if view.recorded_minor:
        said += " By its recorded age, the account is itself a child's."
    return said


def _escalation(view: CaseView) -> dict[str, str]:
    """What the moderator found, and what was asked; empty before anybody escalated."""
    lines = [line for line in view.decisions if line.verb == "escalate"]
    if not lines:
        return {}
    last = lines[-1]
    return {"note": last.note, "ask": str(last.details.get("ask", ""))}


def _around(view: CaseView) -> str:
    contacted = [c for c in view.contacts if c.contacted]
    grown = len(contacted) - len(view.children)
    return (
        f"The account in the middle, {_count(len(view.children), 'child', 'children')} and "
        f"{_count(grown, 'other person', 'other people')} whom it contacted, and "
        f"{_count(len(view.contacts) - len(contacted), 'person', 'people')} with another tie."
    )


def _spread(view: CaseView) -> str:
    times = [child.first_at for child in view.children if child.first_at]
    if not times:
        return ""
    first, last = min(times), max(times)
    if first.date() == last.date():
        return f"First contacts were on {_day(first)}."
    return f"First contacts were between {_day(first)} and {_day(last)}."


def _child(child: ContactView) -> list[str]:
    return [
        child.name,
        child.band,
        _when(child.first_at) if child.first_at else "",
        child.began_with,
        child.outcome,
        _when(child.last_at) if child.last_at else "",
    ]


def _others(view: CaseView) -> dict[str, Any]:
    grown = [c for c in view.contacts if c.contacted and not c.is_child_contacted]
    tied = [c for c in view.contacts if not c.contacted]
    said = f"Besides, it contacted {_count(len(grown), 'other person', 'other people')}"
    if grown:
        said += f", of whom {sum(contact.accepted for contact in grown) or 'none'} accepted"
    said += f"; {_count(len(tied), 'person has', 'people have')} another tie with it"
    if tied:
        children = sum(contact.kind is Kind.CHILD for contact in tied)
        said += f", {_count(children, 'child', 'children')} among them"
    where = " They stand in contacts.csv, by the same names." if grown or tied else ""
    return {"words": f"{said}.{where}"}


def _events(view: CaseView) -> dict[str, Any]:
    """What happened between the account and the children, in the order of time."""
    found = [(h.at, child.name, h.words) for child in view.children for h in child.happenings]
    found.sort()
    return {
        "rows": [[_when(at), name, words] for at, name, words in found[:MOST_ROWS]],
        "more": max(0, len(found) - MOST_ROWS),
    }


def _decisions(view: CaseView) -> list[dict[str, str]]:
    lines = []
    for line in view.decisions:
        facts = [f"{line.points:.0f} points then"]
        if line.reason:
            facts.insert(0, line.reason)
        facts += [
            f"{words}: {line.details[name]}" for name, words in _DETAILS if name in line.details
        ]
        lines.append(
            {
                "title": line.title,
                "meta": f"{_when(line.at)}, {line.role} ({line.by}), audit entry {line.entry}",
                "facts": "; ".join(facts),
                "note": line.note,
                "ask": str(line.details.get("ask", "")),
            }
        )
    return lines


_DETAILS: Final = (("severity", "severity"), ("until", "until"))


def _reporter(view: CaseView) -> str:
    who = view.reporter
    return ", ".join(part for part in (who.name, who.platform, who.email, who.phone) if part)


def _identity(child: ContactView) -> list[str]:
    who = child.identity
    born = f"{who.birth_date:%-d %B %Y}" if who.birth_date else str(who.birth_year or child.band)
    return [
        child.name,
        who.account_id,
        who.display_name or "none",
        f"{born} ({who.age_source.replace('_', ' ')})",
        ", ".join(part for part in (who.region, who.community) if part),
    ]


def _sentence(text: str, points: float) -> list[str]:
    whole = round(points)
    sign = "+" if whole > 0 else "−" if whole < 0 else ""
    return [text, f"{sign}{abs(whole)}"]


def _count(number: int, one: str, many: str) -> str:
    return f"{number or 'no'} {one if number == 1 else many}"


def _day(value: datetime) -> str:
    return f"{value.astimezone(UTC):%-d %B %Y}"


def _when(value: datetime) -> str:
    return f"{value.astimezone(UTC):%-d %b %Y, %H:%M} UTC"
