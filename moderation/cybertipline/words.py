"""What a report says in words, because none of its elements has room for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from moderation.cybertipline.places import place_of
from moderation.cybertipline.values import age_on, xml_time
from moderation.package.view import DRAFT_NOTICE, CaseView, ContactView, Identity
from moderation.selectors.people import BANDS
from signals.networks import Kind

_DELETED: Final = "The account is recorded as deleted."


def account_in_words(view: CaseView) -> str:
    """The record of the flagged account, what speaks for a closer look, and what against it."""
    lines = _recorded(view.account, view.as_of)
    for heading, direction in (
        ("What speaks for a closer look:", "raises"),
        ("What speaks against it:", "lowers"),
    ):
        found = view.pointing(direction)
        if found:
            lines += [heading, *(f"- {sentence.text}" for sentence in found)]
    return "\n".join(lines)


def child_in_words(view: CaseView, child: ContactView) -> str:
    """What happened between the account and a child, and the child's record."""
    lines = [f"{child.label} at the first contact. Outcome: {child.outcome}."]
    lines += [f"{xml_time(h.at)} {h.words}" for h in child.happenings]
    return "\n".join(lines + _recorded(child.identity, view.as_of))


def case_in_words(view: CaseView) -> str:
    """The case as a whole, and why two people sent it."""
    lines = [DRAFT_NOTICE] if view.is_draft else []
    lines += [
        f"Case {view.reference}, version {view.version}, as of {xml_time(view.as_of)}.",
        (
            f"The account contacted {children(len(view.children))}, of whom {len(view.accepted)} "
            "accepted. Those who accepted stand as victims, the others as intended recipients."
        ),
    ]
    if ageless := sum(c.contacted and c.kind is Kind.UNKNOWN for c in view.contacts):
        lines.append(
            f"It also contacted {_people(ageless)} whose age is not recorded, and who may be "
            "children too: contacts.csv lists them by their account."
        )
    if view.held_since:
        lines.append(
            f"A police hold has stood on this account since {xml_time(view.held_since)}: a police "
            "force knows of it. Ask the reporter which."
        )
    lines.append(
        "Its pattern of contacts is a reason to look, not a finding of guilt. The package that "
        "this report belongs to holds the rows behind every sentence."
    )
    for line in view.decisions:
        if line.verb in {"escalate", "refer"} and line.note:
            lines.append(f"{line.title}, {xml_time(line.at)}: {line.note}")
    return "\n".join(lines)


def children(count: int) -> str:
    """So many children, in words."""
    return "1 child" if count == 1 else f"{count} children"


def day(value: datetime) -> str:
    """A day in UTC as people write it: ``2 March 2026``."""
    return f"{value.astimezone(UTC):%-d %B %Y}"


def _recorded(who: Identity, as_of: datetime) -> list[str]:
    """What the platform records about an account and the report has no element for.

    A community goes here and not into ``groupIdentifier``: that element says that somebody belongs
    to a group which exploits children, and a school is none.
    """
    lines = [f"Age source: {who.age_source.replace('_', ' ')}."]
    if who.birth_date is None and who.birth_year:
        lines.append(f"Born in {who.birth_year}: the age follows from the year alone.")
    elif age_on(as_of.date(), who.birth_date, who.birth_year) is None and who.band != "unknown":
        lines.append(f"Age band as recorded: {BANDS[who.band]}.")
    if who.gender:
        lines.append(f"Gender as recorded by the platform: {who.gender}")
    if who.community:
        lines.append(f"Community as recorded by the platform: {who.community}")
    if who.region and who.region not in _written(who.region):
        lines.append(f"Region as recorded by the platform: {who.region}")
    if who.role:
        lines.append(f"Role as recorded by the platform: {who.role}.")
    if who.status == "deleted":
        lines.append(_DELETED)
    if who.created_at:
        lines.append(f"Account created {xml_time(who.created_at)}.")
    return lines


def _written(region: str) -> tuple[str, ...]:
    """The ways to write a region of which ``estimatedLocation`` loses nothing."""
    place = place_of(region)
    if place is None:
        return ()
    country, part = place
    return (f"{country}-{part}",) if part else (country,)


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
