"""``cybertipline.xml``: a case as NCMEC's ``report``, filled as far as contact metadata can.

The flagged account is ``personOrUserReported``; a child whom it contacted is ``intendedRecipient``,
and ``victim`` once the child has accepted. Display names are not legal names, so they stand as
``displayName``. What no element has room for is said in ``additionalInfo``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from lxml import etree

from moderation.cybertipline.checks import is_url
from moderation.cybertipline.places import place_of
from moderation.cybertipline.rules import MAX_LENGTH
from moderation.cybertipline.values import age_on, length, xml_text, xml_time
from moderation.cybertipline.words import (
    account_in_words,
    case_in_words,
    child_in_words,
    children,
    day,
)
from moderation.package.view import DRAFT_NOTICE, CaseView, ContactView, Identity

INCIDENT_TYPE: Final = "Online Enticement of Children for Sexual Acts"
SCHEMA_ADDRESS: Final = "https://report.cybertip.org/ispws/xsd"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"


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
    _add(root, "additionalInfo", case_in_words(view))
    etree.indent(root, space="  ")
    xml: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return xml + b"\n"


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
        f"The account's latest contact with a child; the first was on {day(min(times))}."
        if times
        else "The time when this case was last assessed.",
    )


_OWN_STEPS: Final = frozenset({"request", "thread"})


def _urgency(view: CaseView) -> str:
    return (
        "The team that reviewed this judged it critical. The account contacted "
        f"{children(len(view.children))}; {len(view.accepted)} accepted."
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
    _earlier(reported, "priorCTReports", view.account.prior_reports)
    _standing(reported, view.account)
    _location(reported, view.account)
    for other in view.linked:
        linked = etree.SubElement(reported, "associatedAccount", type="Linked")
        _add(linked, "espService", view.reporter.platform)
        _add(linked, "espIdentifier", other.account_id)
        _page_of(linked, view, other)
        _add(linked, "displayName", other.display_name)
        _earlier(linked, "priorCTReport", other.prior_reports)
        _add(
            linked,
            "additionalInfo",
            "Approaches the same children more often than by chance. Whether the same person uses "
            "it is not known.",
        )
    _add(reported, "additionalInfo", account_in_words(view))


def _recipient(root: Any, view: CaseView, child: ContactView) -> None:
    recipient = etree.SubElement(root, "intendedRecipient")
    _person(recipient, "intendedRecipientPerson", child.identity, view.as_of)
    _account(recipient, view, child.identity)
    _earlier(recipient, "priorCTReports", child.identity.prior_reports)
    _standing(recipient, child.identity)
    _location(recipient, child.identity)
    _add(recipient, "additionalInfo", child_in_words(view, child))


def _victim(root: Any, view: CaseView, child: ContactView) -> None:
    victim = etree.SubElement(root, "victim")
    _person(victim, "victimPerson", child.identity, view.as_of, always=True)
    _account(victim, view, child.identity)
    _earlier(victim, "priorCTReports", child.identity.prior_reports)
    _standing(victim, child.identity)
    _location(victim, child.identity)
    _add(victim, "additionalInfo", child_in_words(view, child))


def _person(parent: Any, tag: str, who: Identity, as_of: datetime, *, always: bool = False) -> None:
    """Age and date of birth, as far as they are recorded and can be true."""
    today = as_of.astimezone(UTC).date()
    born = who.birth_date if who.birth_date and who.birth_date < today else None
    age = age_on(today, born, who.birth_year)
    if age is None and born is None and not always:
        return
    person = etree.SubElement(parent, tag)
    if age is not None:
        _add(person, "age", str(age), "person")
    if born is not None:
        _add(person, "dateOfBirth", born.isoformat(), "person")


def _account(parent: Any, view: CaseView, who: Identity) -> None:
    _add(parent, "espIdentifier", who.account_id)
    _add(parent, "espService", view.reporter.platform)
    _add(parent, "displayName", who.display_name)
    _page_of(parent, view, who)


def _page_of(parent: Any, view: CaseView, who: Identity) -> None:
    """The address of the account's page, where the platform says how to make one."""
    if view.reporter.profile_url:
        page = view.reporter.profile_url.replace("{account_id}", quote(who.account_id, safe=""))
        if is_url(page) and length(page) <= MAX_LENGTH["personOrUserReported", "profileUrl"]:
            _add(parent, "profileUrl", page)


def _earlier(parent: Any, tag: str, numbers: tuple[int, ...]) -> None:
    """The reports about the same account that NCMEC has received from here before."""
    for number in numbers:
        _add(parent, tag, str(number))


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


def _add(parent: Any, tag: str, text: str, kind: str | None = None) -> None:
    """A child element with ``text`` cut to its limit; none where the text is empty.

    ``kind`` is the name that the rules know the parent by, where that is not its tag.
    """
    longest = MAX_LENGTH.get((parent.tag if kind is None else kind, tag))
    clean = xml_text(text, longest)
    if clean.strip():
        etree.SubElement(parent, tag).text = clean
