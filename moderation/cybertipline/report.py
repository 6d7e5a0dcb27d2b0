"""``cybertipline.xml``: a case as NCMEC's ``report``, filled as far as contact metadata can.

The flagged account is ``personOrUserReported``; a child whom it contacted is ``intendedRecipient``,
and ``victim`` once the child has accepted. Display names are not legal names, so they stand as
``displayName``. What no element has room for is said in ``additionalInfo``.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import quote

from lxml import etree

from moderation.cybertipline.checks import is_url
from moderation.cybertipline.places import place_of
from moderation.cybertipline.rules import MAX_LENGTH
from moderation.package.view import DRAFT_NOTICE, CaseView, ContactView, Identity

INCIDENT_TYPE: Final = "Online Enticement of Children for Sexual Acts"
SCHEMA_ADDRESS: Final = "https://report.cybertip.org/ispws/xsd"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"

# What XML 1.0 has no place for, not even as a reference.
_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def cybertipline_xml(view: CaseView) -> bytes:
    """The report. The same view gives the same bytes."""
    root = etree.Element("report", nsmap={"xsi": _XSI})
    root.set(f"{{{_XSI}}}noNamespaceSchemaLocation", SCHEMA_ADDRESS)
    if view.is_draft:
        root.append(etree.Comment(f" {DRAFT_NOTICE} "))
    _incident(root, view)
    _internet(root, view)
    _reporter(root, view)
    _reported(root, view)
    for child in view.children:
        if not child.accepted:
            _recipient(root, view, child)
    for child in view.accepted:
        _victim(root, view, child)
    _add(root, "additionalInfo", _case_in_words(view))
    etree.indent(root, space="  ")
    xml: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return xml + b"\n"


def xml_text(text: str, longest: int | None = None) -> str:
    """``text`` as XML can hold it, cut to ``longest`` characters with an ellipsis."""
    clean = _NO_XML.sub("\ufffd", text)
    if longest is not None and len(clean) > longest:
        return clean[: longest - 1] + "…"
    return clean


def xml_time(value: datetime) -> str:
    """A time in UTC, to the second: ``2026-03-02T12:00:00Z``."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _incident(root: Any, view: CaseView) -> None:
    incident = etree.SubElement(root, "incidentSummary")
    _add(incident, "incidentType", INCIDENT_TYPE)
    _add(incident, "platform", view.reporter.platform)
    if view.severity == "critical":
        _add(incident, "escalateToHighPriority", _urgency(view))
    if view.recorded_minor:
        annotations = etree.SubElement(incident, "reportAnnotations")
        _add(annotations, "minorToMinorInteraction", "true")
    times = [h.at for child in view.children for h in child.happenings if h.step in _OWN_STEPS]
    _add(incident, "incidentDateTime", xml_time(max(times, default=view.as_of)))
    _add(
        incident,
        "incidentDateTimeDescription",
        f"The account's latest contact with a child; the first was on {_day(min(times))}."
        if times
        else "The time when this case was last assessed.",
    )


_OWN_STEPS: Final = frozenset({"request", "thread"})


def _urgency(view: CaseView) -> str:
    return (
        "The team that reviewed this judged it critical. The account contacted "
        f"{_children(len(view.children))}; {len(view.accepted)} accepted."
    )


def _internet(root: Any, view: CaseView) -> None:
    chat = etree.SubElement(etree.SubElement(root, "internetDetails"), "chatImIncident")
    _add(chat, "chatClient", view.reporter.platform)
    _add(
        chat,
        "additionalInfo",
        "Friend requests, follows and message threads started. Sightline holds contact metadata "
        "only: no message content was available to it.",
    )


def _reporter(root: Any, view: CaseView) -> None:
    who = view.reporter
    reporter = etree.SubElement(root, "reporter")
    person = etree.SubElement(reporter, "reportingPerson")
    first, _, last = who.name.strip().rpartition(" ")
    _add(person, "firstName", first or last, "person")
    _add(person, "lastName", last if first else "", "person")
    _add(person, "phone", who.phone, "")
    _add(person, "email", who.email, "")
    if is_url(who.legal_url):
        _add(reporter, "legalURL", who.legal_url)


def _reported(root: Any, view: CaseView) -> None:
    reported = etree.SubElement(root, "personOrUserReported")
    _person(reported, "personOrUserReportedPerson", view.account, view.as_of)
    _account(reported, view, view.account)
    for number in view.prior_reports:
        _add(reported, "priorCTReports", str(number))
    _add(reported, "groupIdentifier", view.account.community)
    _standing(reported, view.account)
    _location(reported, view.account)
    for other in view.linked:
        linked = etree.SubElement(reported, "associatedAccount", type="Linked")
        _add(linked, "espService", view.reporter.platform)
        _add(linked, "espIdentifier", other.account_id)
        _page_of(linked, view, other)
        _add(linked, "displayName", other.display_name)
        _add(linked, "additionalInfo", "Approaches the same children more often than by chance.")
    _add(reported, "additionalInfo", _reasons(view))


def _recipient(root: Any, view: CaseView, child: ContactView) -> None:
    recipient = etree.SubElement(root, "intendedRecipient")
    _person(recipient, "intendedRecipientPerson", child.identity, view.as_of)
    _account(recipient, view, child.identity)
    _add(recipient, "groupIdentifier", child.identity.community)
    _standing(recipient, child.identity)
    _location(recipient, child.identity)
    _add(recipient, "additionalInfo", _child_in_words(child))


def _victim(root: Any, view: CaseView, child: ContactView) -> None:
    victim = etree.SubElement(root, "victim")
    _person(victim, "victimPerson", child.identity, view.as_of, always=True)
    _account(victim, view, child.identity)
    _standing(victim, child.identity)
    _location(victim, child.identity)
    _add(victim, "additionalInfo", _child_in_words(child))


def _person(parent: Any, tag: str, who: Identity, as_of: datetime, *, always: bool = False) -> None:
    """Age and date of birth, as far as they are recorded and can be true."""
    day = as_of.astimezone(UTC).date()
    born = who.birth_date if who.birth_date and who.birth_date < day else None
    age = age_on(day, born, who.birth_year)
    if age is None and born is None and not always:
        return
    person = etree.SubElement(parent, tag)
    if age is not None:
        _add(person, "age", str(age), "person")
    if born is not None:
        _add(person, "dateOfBirth", born.isoformat(), "person")


def age_on(day: date, born: date | None, birth_year: int | None) -> int | None:
    """Full years on ``day``, with a birthday on 1 July where only the year is known; else None."""
    if born is None and birth_year and 1 <= birth_year <= 9999:
        born = date(birth_year, 7, 1)
    if born is None:
        return None
    age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return age if 0 <= age <= 150 else None


def _account(parent: Any, view: CaseView, who: Identity) -> None:
    _add(parent, "espIdentifier", who.account_id)
    _add(parent, "espService", view.reporter.platform)
    _add(parent, "displayName", who.display_name)
    _page_of(parent, view, who)


def _page_of(parent: Any, view: CaseView, who: Identity) -> None:
    """The address of the account's page, where the platform says how to make one."""
    if view.reporter.profile_url:
        page = view.reporter.profile_url.replace("{account_id}", quote(who.account_id, safe=""))
        if is_url(page) and len(page) <= MAX_LENGTH["personOrUserReported", "profileUrl"]:
            _add(parent, "profileUrl", page)


def _standing(parent: Any, who: Identity) -> None:
    """Whether the platform has suspended the account.

    A deleted one is not said to be permanently disabled: its owner may have deleted it.
    """
    if who.status == "suspended":
        etree.SubElement(parent, "accountTemporarilyDisabled").text = "true"


def _location(parent: Any, who: Identity) -> None:
    place = place_of(who.region)
    if place is None:
        return
    location = etree.SubElement(parent, "estimatedLocation")
    _add(location, "region", place[1])
    _add(location, "countryCode", place[0])


def _reasons(view: CaseView) -> str:
    """What speaks for a closer look, and what speaks against it, one sentence a line."""
    lines = [*_recorded(view.account, view.as_of)]
    for heading, direction in (
        ("What speaks for a closer look:", "raises"),
        ("What speaks against it:", "lowers"),
    ):
        found = view.pointing(direction)
        if found:
            lines += [heading, *(f"- {sentence.text}" for sentence in found)]
    return "\n".join(lines)


_DELETED: Final = "The account is recorded as deleted."


def _child_in_words(child: ContactView) -> str:
    lines = [f"{child.label} at the first contact. Outcome: {child.outcome}."]
    lines += [f"{xml_time(h.at)} {h.words}" for h in child.happenings]
    if child.identity.community:
        lines.append(f"Community as recorded by the platform: {child.identity.community}")
    if child.identity.region and place_of(child.identity.region) is None:
        lines.append(f"Region as recorded by the platform: {child.identity.region}")
    if child.identity.status == "deleted":
        lines.append(_DELETED)
    lines.append(f"Age source: {child.identity.age_source.replace('_', ' ')}.")
    return "\n".join(lines)


def _recorded(who: Identity, as_of: datetime) -> list[str]:
    lines = [f"Age source: {who.age_source.replace('_', ' ')}."]
    if age_on(as_of.date(), who.birth_date, who.birth_year) is None and who.band != "unknown":
        lines.append(f"Age band as recorded: {who.band.replace('_', ' ')}.")
    if who.region and place_of(who.region) is None:
        lines.append(f"Region as recorded by the platform: {who.region}")
    if who.role:
        lines.append(f"Role as recorded by the platform: {who.role}.")
    if who.status == "deleted":
        lines.append(_DELETED)
    if who.created_at:
        lines.append(f"Account created {xml_time(who.created_at)}.")
    return lines


def _case_in_words(view: CaseView) -> str:
    lines = [DRAFT_NOTICE] if view.is_draft else []
    lines += [
        f"Case {view.reference}, version {view.version}, as of {xml_time(view.as_of)}.",
        (
            f"The account contacted {_children(len(view.children))}, of whom {len(view.accepted)} "
            "accepted. Those who accepted stand as victims, the others as intended recipients."
        ),
        (
            "Its pattern of contacts is a reason to look, not a finding of guilt. The package that "
            "this report belongs to holds the rows behind every sentence."
        ),
    ]
    for line in view.decisions:
        if line.verb in {"escalate", "refer"} and line.note:
            lines.append(f"{line.title}, {xml_time(line.at)}: {line.note}")
    return "\n".join(lines)


def _children(count: int) -> str:
    return "1 child" if count == 1 else f"{count} children"


def _day(value: datetime) -> str:
    return f"{value.astimezone(UTC):%-d %B %Y}"


def _add(parent: Any, tag: str, text: str, kind: str | None = None) -> None:
    """A child element with ``text`` cut to its limit; none where the text is empty.

    ``kind`` is the name that the rules know the parent by, where that is not its tag.
    """
    longest = MAX_LENGTH.get((parent.tag if kind is None else kind, tag))
    clean = xml_text(text, longest)
    if clean.strip():
        etree.SubElement(parent, tag).text = clean
