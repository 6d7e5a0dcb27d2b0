"""The two pictures of a case, as numbers that the templates turn into SVG.

Shapes carry the meaning, so that a picture also reads in greyscale: a child is a circle with a
letter, an adult a square with a number, somebody whose age is not known a diamond.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from moderation.selectors.contacts import STEP_WORDS, Contact, Moment, Surroundings
from signals.networks import Link, Member, ego_network, layout

MOST_MEMBERS = 300
"""Members that the network picture shows; the table below it counts all."""

EGO = "ego"


@dataclass(frozen=True, slots=True)
class Node:
    x: float
    y: float
    contact: Contact

    @property
    def title(self) -> str:
        return f"{self.contact.person.label}: {self.contact.outcome}"


@dataclass(frozen=True, slots=True)
class NetworkPicture:
    """Nodes around (0, 0), and lines as SVG path data by what they mean."""

    nodes: list[Node]
    lines: dict[str, str]
    ties: str
    half: int  # the picture reaches from -half to half in both directions
    left_out: int

    @property
    def view_box(self) -> str:
        return f"{-self.half} {-self.half} {2 * self.half} {2 * self.half}"


def shown_members(around: Surroundings) -> list[Contact]:
    """Those whom the picture shows, when there are too many for it: children approached first."""
    return around.contacts[:MOST_MEMBERS]


def network_picture(
    around: Surroundings, shown: list[Contact], ties: Iterable[tuple[int, int]]
) -> NetworkPicture:
    """The picture of ``shown`` with the ``ties`` among them."""
    members = [Member(c.person.key, c.person.kind, c.link) for c in shown]
    graph = ego_network(EGO, members, ties)
    picture = layout(graph, EGO)
    at = picture.positions
    lines: dict[str, list[str]] = {link: [] for link in Link}
    for contact in shown:
        x, y = at[contact.person.key]
        lines[contact.link].append(f"M0 0L{x:.0f} {y:.0f}")
    between = [
        f"M{at[a][0]:.0f} {at[a][1]:.0f}L{at[b][0]:.0f} {at[b][1]:.0f}"
        for a, b in graph.edges
        if EGO not in (a, b)
    ]
    return NetworkPicture(
        nodes=[
            Node(round(at[c.person.key][0], 1), round(at[c.person.key][1], 1), c) for c in shown
        ],
        lines={link: "".join(path) for link, path in lines.items() if path},
        ties="".join(between),
        half=round(picture.radius) + 6,
        left_out=len(around.contacts) - len(shown),
    )


# --- Timeline -----------------------------------------------------------------------------------

MOST_LANES = 40
WIDTH = 560
_LEFT = 84
_RIGHT = WIDTH - 14
_TOP = 26
_LANE = 18
_BINS = 48
_TALL = 130


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    step: str
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    y: float
    label: str
    marks: list[Mark]
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    width: float
    parts: list[tuple[str, float, float]]  # link, y, height
    title: str


@dataclass(frozen=True, slots=True)
class TimelinePicture:
    """A lane for each child while there is room for it, else first contacts as columns."""

    lanes: list[Lane]
    bars: list[Bar]
    ticks: list[Tick]
    height: float
    most: int
    steps: list[tuple[str, str]]  # the steps that occur, with their words: the key to the marks
    width: int = WIDTH

    @property
    def view_box(self) -> str:
        return f"0 0 {self.width} {self.height:.0f}"


def timeline_picture(children: list[Contact]) -> TimelinePicture | None:
    """The contacts with children over time; None where there is nothing to draw."""
    dated = [contact for contact in children if contact.moments]
    if not dated:
        return None
    first = min(contact.moments[0].at for contact in dated)
    last = max(contact.moments[-1].at for contact in dated)
    scale = _Scale(first, last)
    if len(dated) > MOST_LANES:
        bars, most = _columns(dated, scale)
        return TimelinePicture([], bars, scale.ticks(), _TOP + _TALL + 8, most, [])
    lanes = []
    for number, contact in enumerate(dated):
        xs = [scale.x(moment.at) for moment in contact.moments]
        lanes.append(
            Lane(
                y=_TOP + _LANE * number + _LANE / 2,
                label=contact.person.label.removeprefix("Child "),
                marks=[_mark(x, m) for x, m in zip(xs, contact.moments, strict=True)],
                start=xs[0],
                end=xs[-1],
            )
        )
    occurring = {moment.step for contact in dated for moment in contact.moments}
    return TimelinePicture(
        lanes=lanes,
        bars=[],
        ticks=scale.ticks(),
        height=_TOP + _LANE * len(lanes) + 8,
        most=0,
        steps=[(step.value, words) for step, words in STEP_WORDS.items() if step in occurring],
    )


def _mark(x: float, moment: Moment) -> Mark:
    return Mark(x, moment.step.value, f"{moment.words}, {moment.at:%-d %b %Y %H:%M}")


class _Scale:
    """Time to the horizontal, with round dates as ticks."""

    def __init__(self, first: datetime, last: datetime) -> None:
        least = timedelta(days=2)
        middle = (least - (last - first)) / 2 if last - first < least else timedelta()
        self.first, self.last = first - middle, last + middle
        self.span = (self.last - self.first).total_seconds()

    def x(self, at: datetime) -> float:
        share = (at - self.first).total_seconds() / self.span
        return round(_LEFT + share * (_RIGHT - _LEFT), 1)

    def ticks(self) -> list[Tick]:
        days = self.span / 86_400
        dates: list[tuple[datetime, str]] = []
        if days <= 60:
            step = max(1, round(days / 6))
            day = self.first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            while day <= self.last:
                dates.append((day, f"{day:%-d %b}"))
                day += timedelta(days=step)
        else:
            step = next((s for s in (1, 2, 3, 6) if days / 30.4 / s <= 7), 12)
            year, month = self.first.year, 1
            while (day := datetime(year, month, 1, tzinfo=UTC)) <= self.last:
                dates.append((day, f"{day:%b %Y}" if step < 12 else f"{day:%Y}"))
                month += step
                year, month = (year + 1, 1) if month > 12 else (year, month)
        return [
            Tick(x, label)
            for day, label in dates
            if day >= self.first and (x := self.x(day)) <= _RIGHT - 24
        ]


def _columns(dated: list[Contact], scale: _Scale) -> tuple[list[Bar], int]:
    bins: list[dict[Link, int]] = [dict.fromkeys(Link, 0) for _ in range(_BINS)]
    width = (_RIGHT - _LEFT) / _BINS
    for contact in dated:
        place = min(_BINS - 1, int((scale.x(contact.moments[0].at) - _LEFT) / width))
        bins[place][contact.link] += 1
    most = max(sum(of_one.values()) for of_one in bins)
    bars = []
    for place, of_one in enumerate(bins):
        total = sum(of_one.values())
        if not total:
            continue
        bottom, parts = float(_TOP + _TALL), []
        for link in (Link.ACCEPTED, Link.WAITING, Link.REFUSED):
            height = of_one[link] / most * _TALL
            bottom -= height
            if height:
                parts.append((link.value, round(bottom, 1), round(height, 1)))
        start = scale.first + timedelta(seconds=scale.span * place / _BINS)
        bars.append(
            Bar(
                x=round(_LEFT + place * width, 1),
                width=round(width - 1.5, 1),
                parts=parts,
                title=f"from {start:%-d %b %Y}: {total} first contacts, "
                f"{of_one[Link.ACCEPTED]} accepted, {of_one[Link.REFUSED]} refused",
            )
        )
    return bars, most
