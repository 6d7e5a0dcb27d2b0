"""Holding a report against the rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from moderation.cybertipline.checks import Where
from moderation.cybertipline.rules import RULES, Rule

# Elements of a documented type that go by another name.
_KNOWN_AS: Final = {
    "reportingPerson": "person",
    "personOrUserReportedPerson": "person",
    "intendedRecipientPerson": "person",
    "victimPerson": "person",
    "officerContact": "contactPerson",
    "incidentAddress": "address",
    "phoneNumber": "phone",
    "emailAddress": "email",
}


def breaches(root: Any, now: datetime) -> list[str]:
    """What a report or file details break at ``now``: element, line and rule, in their order."""
    found: list[str] = []
    for element in root.iter():
        if isinstance(element.tag, str):
            found += _breaches_of(element, root, now)
    return found


def _breaches_of(element: Any, root: Any, now: datetime) -> Iterator[str]:
    for rule in _BY_NAME.get(element.tag, ()) + _BY_NAME.get(_known_as(element), ()):
        if not rule.attribute and rule.parent in _parents(element):
            text = element.text or ""
            if not rule.holds(Where(element, text, root, now)):
                yield _said(element, element.tag, rule.words)
    for name, value in element.attrib.items():
        for rule in _BY_NAME.get(name, ()):
            if (
                rule.attribute
                and rule.parent in _paths(element)
                and not rule.holds(Where(element, value, root, now))
            ):
                yield _said(element, f"{element.tag}@{name}", rule.words)
    yield from _absent(element)


def _absent(element: Any) -> Iterator[str]:
    """What is required where its parent is there, and is not there."""
    if element.tag != "estimatedLocation":
        return
    if element.find("countryCode") is None:
        yield _said(
            element, "estimatedLocation/countryCode", "must be supplied with <estimatedLocation>"
        )
    in_us = element.findtext("countryCode") == "US"
    if in_us and element.findtext("city") and element.find("region") is None:
        # As blank as an empty one, which a rule of its own refuses
        yield _said(
            element,
            "estimatedLocation/region",
            'must be not be blank if <city> is supplied and <countryCode> is "US"',
        )


def _known_as(element: Any) -> str:
    """The documented type of an element, where that is another word than its tag."""
    known = _KNOWN_AS.get(element.tag, "")
    return "" if known == element.tag else known


def _parents(element: Any) -> tuple[str, ...]:
    parent = element.getparent()
    if parent is None:
        return ("",)
    names = [parent.tag, _KNOWN_AS.get(parent.tag, parent.tag), ""]
    if parent.getparent() is not None:
        names.append(f"{parent.getparent().tag}/{parent.tag}")
    return tuple(names)


def _paths(element: Any) -> tuple[str, ...]:
    known = _KNOWN_AS.get(element.tag, element.tag)
    parent = element.getparent()
    inside = () if parent is None else (f"{parent.tag}/{element.tag}",)
    return (element.tag, known, *inside)


def _said(element: Any, name: str, words: str) -> str:
    return f"line {element.sourceline or '?'}: {name} {words}"


_BY_NAME: Final[dict[str, tuple[Rule, ...]]] = {
    name: tuple(rule for rule in RULES if rule.name == name)
    for name in {rule.name for rule in RULES}
}
