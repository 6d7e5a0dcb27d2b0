"""The two pictures of a case on paper: black ink, shapes that carry the meaning, no colour.

They are the pictures of the case page (``moderation.pictures``) as SVG of their own, with a key.
"""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from moderation import pictures
from moderation.package.view import CaseView, ContactView
from moderation.selectors.contacts import Contact, Moment, Step, Surroundings
from moderation.selectors.people import Person
from signals.networks import Kind, Link

_INK: Final = "#1b2a30"
_GREY: Final = "#8a979c"
_FACE: Final = "Libertinus Serif"

# Lines from the account: solid, broken, dotted; a thin grey one for other ties.
_LINES: Final = {
    Link.ACCEPTED: f'stroke="{_INK}" stroke-width="1.6"',
    Link.WAITING: f'stroke="{_INK}" stroke-width="0.9" stroke-dasharray="7 4"',
    Link.REFUSED: f'stroke="{_INK}" stroke-width="1.1" stroke-dasharray="1.4 3.4"',
    Link.TIE: f'stroke="{_GREY}" stroke-width="0.6"',
}
_OUTLINE: Final = f'fill="#fff" stroke="{_INK}" stroke-width="1.1"'
_FILLED: Final = f'fill="{_INK}" stroke="{_INK}"'
_SHAPES: Final = {
    Kind.CHILD: '<circle r="11" {}/>',
    Kind.ADULT: '<rect x="-9" y="-9" width="18" height="18" {}/>',
    Kind.UNKNOWN: '<path d="M0-11L11 0L0 11L-11 0z" {}/>',
}
_STEPS: Final = {
    Step.REQUEST: f'<circle r="3.4" {_OUTLINE}/>',
    Step.THREAD: f'<rect x="-3.2" y="-3.2" width="6.4" height="6.4" {_OUTLINE}/>',
    Step.ACCEPTED: f'<circle r="4.4" {_FILLED}/>',
    Step.REFUSED: f'<path d="M-4-4L4 4M4-4L-4 4" stroke="{_INK}" stroke-width="1.4"/>',
    Step.REPORTED: f'<path d="M-4 4.5V-5L5-1.5L-4 2z" {_FILLED}/>',
    Step.WITHDRAWN: f'<path d="M-5 0H5" stroke="{_INK}" stroke-width="1.6"/>',
    Step.INCOMING: f'<path d="M4-4.5L-4 0L4 4.5z" {_OUTLINE}/>',
}
_BARS: Final = {
    Link.ACCEPTED: _FILLED,
    Link.WAITING: _OUTLINE,
    Link.REFUSED: f'fill="#c9d1d4" stroke="{_INK}" stroke-width="0.6"',
}


def network_svg(view: CaseView) -> tuple[str, int]:
    """The people around the account, and how many of them are left out of the picture."""
    contacts = _contacts(view)
    keys = {contact.name: number for number, contact in enumerate(view.contacts)}
    ties = [(keys[a], keys[b]) for a, b in view.ties]
    around = Surroundings(contacts, {})
    picture = pictures.network_picture(around, pictures.shown_members(around), ties)
    parts = [_path(picture.ties, _LINES[Link.TIE])]
    parts += [_path(path, _LINES[Link(link)]) for link, path in picture.lines.items()]
    for node in picture.nodes:
        contact = node.contact
        filled = contact.link is Link.ACCEPTED
        shape = _SHAPES[contact.person.kind].format(_FILLED if filled else _OUTLINE)
        size = 8 if len(contact.person.mark) > 2 else 11
        text = _text(
            0, size * 0.35, contact.person.mark, size, "#fff" if filled else _INK, "middle"
        )
        parts.append(f'<g transform="translate({node.x} {node.y})">{shape}{text}</g>')
    parts.append(
        f'<circle r="22" {_OUTLINE}/><circle r="16" {_FILLED}/>'
        '<path d="M-9 0h18M0-9v18" stroke="#fff" stroke-width="2"/>'
    )
    return _svg(picture.view_box, "".join(parts)), picture.left_out


def timeline_svg(view: CaseView) -> str:
    """The contacts with children over time; "" where there are none."""
    children = [c for c in _contacts(view) if c.person.kind is Kind.CHILD and c.started_by_account]
    picture = pictures.timeline_picture(children)
    if picture is None:
        return ""
    parts = []
    for tick in picture.ticks:
        grid = f'stroke="{_GREY}" stroke-width="0.4"'
        parts.append(f'<path d="M{tick.x} 18V{picture.height}" {grid}/>')
        parts.append(_text(tick.x, 12, tick.label, 9.5, _INK, "middle"))
    for lane in picture.lanes:
        span = f'stroke="{_GREY}" stroke-width="0.8"'
        parts.append(_text(4, lane.y + 3.3, lane.label, 10, _INK))
        parts.append(f'<path d="M{lane.start} {lane.y}H{lane.end}" {span}/>')
        parts += [
            f'<g transform="translate({mark.x} {lane.y})">{_STEPS[Step(mark.step)]}</g>'
            for mark in lane.marks
        ]
    for bar in picture.bars:
        parts += [
            f'<rect x="{bar.x}" y="{y}" width="{bar.width}" height="{height}" {_BARS[Link(link)]}/>'
            for link, y, height in bar.parts
        ]
    if picture.bars:
        parts.append(_text(4, 34, f"{picture.most} at most", 10, _INK))
    return _svg(picture.view_box, "".join(parts))


def network_key() -> list[tuple[str, str]]:
    """The key to the network picture: a small SVG and its words."""
    shapes = [
        (_SHAPES[Kind.CHILD].format(_OUTLINE), "child"),
        (_SHAPES[Kind.ADULT].format(_OUTLINE), "adult"),
        (_SHAPES[Kind.UNKNOWN].format(_OUTLINE), "age not known"),
        (_SHAPES[Kind.CHILD].format(_FILLED), "accepted"),
    ]
    lines = [
        (_path("M-14 0h28", _LINES[Link.WAITING]), "no answer"),
        (_path("M-14 0h28", _LINES[Link.REFUSED]), "refused"),
        (_path("M-14 0h28", _LINES[Link.TIE]), "other tie"),
    ]
    return [(_svg("-14 -12 28 24", drawn), words) for drawn, words in shapes + lines]


def timeline_key(view: CaseView) -> list[tuple[str, str]]:
    """The key to the marks that occur in the timeline, or to its columns."""
    children = [c for c in _contacts(view) if c.person.kind is Kind.CHILD and c.started_by_account]
    picture = pictures.timeline_picture(children)
    if picture is None:
        return []
    if picture.bars:
        rect = '<rect x="-6" y="-6" width="12" height="12" {}/>'
        words = {Link.ACCEPTED: "accepted", Link.WAITING: "no answer", Link.REFUSED: "refused"}
        return [
            (_svg("-8 -8 16 16", rect.format(_BARS[link])), word) for link, word in words.items()
        ]
    return [(_svg("-8 -8 16 16", _STEPS[Step(step)]), words) for step, words in picture.steps]


def _contacts(view: CaseView) -> list[Contact]:
    return [_contact(number, contact) for number, contact in enumerate(view.contacts)]


def _contact(number: int, contact: ContactView) -> Contact:
    person = Person(number, contact.kind, contact.mark, contact.band, contact.called)
    moments = [Moment(h.at, Step(h.step), h.words) for h in contact.happenings]
    return Contact(person, moments, contact.tie)


def _svg(view_box: str, inside: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view_box}">{inside}</svg>'


def _path(d: str, look: str) -> str:
    return f'<path d="{d}" fill="none" {look}/>' if d else ""


def _text(x: float, y: float, text: str, size: float, ink: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-family="{_FACE}" font-size="{size:g}" fill="{ink}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )
