"""The two pictures of a case, as numbers that the templates turn into SVG.

Shapes carry the meaning, so that a picture also reads in greyscale: a child is a circle with a
letter, an adult a square with a number, somebody whose age is not known a diamond.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.core.cache import cache

from moderation.replay import Replay, end_of
from moderation.selectors.contacts import STEP_WORDS, Contact, Moment, Surroundings
from signals.networks import LAYOUT, Link, Member, Picture, ego_network, layout

MOST_MEMBERS = 300
"""Members that the network picture shows; the table below it counts all."""

EGO = "ego"


@dataclass(frozen=True, slots=True)
class Node:
    x: float
    y: float
    contact: Contact
    shown: str = ""  # how it is drawn: a link, or "later" for who had not come yet
    steps: str = ""  # from which step of the slider on it is drawn how: "0:waiting 3:accepted"
    flagged: str = ""  # the reference of its own case, where it has one

    @property
    def title(self) -> str:
        said = f"{self.contact.person.label}: {self.contact.outcome}"
        return f"{said}; flagged itself, {self.flagged}" if self.flagged else said


@dataclass(frozen=True, slots=True)
class NetworkPicture:
    """Nodes around (0, 0), and lines as SVG path data by what they mean."""

    nodes: list[Node]
    lines: dict[str, str]
    ties: str  # among those who are shown
    all_ties: str  # whatever the day
    half: int  # the picture reaches from -half to half in both directions
    left_out: int

    @property
    def all_lines(self) -> dict[str, str]:
        """``lines`` with an empty path for what occurs nowhere: the slider may need it."""
        return {link.value: self.lines.get(link, "") for link in Link}

    @property
    def any_flagged(self) -> bool:
        return any(node.flagged for node in self.nodes)

    @property
    def view_box(self) -> str:
        return f"{-self.half} {-self.half} {2 * self.half} {2 * self.half}"


def shown_members(around: Surroundings) -> list[Contact]:
    """Those whom the picture shows, when there are too many for it: children approached first."""
    return around.contacts[:MOST_MEMBERS]


def network_picture(
    around: Surroundings,
    shown: list[Contact],
    ties: Iterable[tuple[int, int]],
    replay: Replay | None = None,
    flagged: Mapping[int, str] | None = None,
) -> NetworkPicture:
    """The picture of ``shown`` with the ``ties`` among them, as ``replay`` stands.

    Everybody keeps one place at whatever day. ``flagged``: references of members' own cases.
    """
    pairs = list(ties)
    picture = _placed(shown, pairs)
    at = {key: (round(x, 1), round(y, 1)) for key, (x, y) in picture.positions.items()}
    links = {c.person.key: c.link for c in (replay.past if replay else around).contacts}
    lines: dict[str, list[str]] = {link: [] for link in Link}
    nodes = []
    for contact in shown:
        key = contact.person.key
        x, y = at[key]
        link = links.get(key)
        if link is not None:
            lines[link].append(f"M0 0L{x:.0f} {y:.0f}")
        nodes.append(
            Node(
                x,
                y,
                contact,
                shown="later" if link is None else link.value,
                steps=replay.steps_of(contact) if replay else "",
                flagged=(flagged or {}).get(key, ""),
            )
        )
    between = {
        (a, b): f"M{at[a][0]:.0f} {at[a][1]:.0f}L{at[b][0]:.0f} {at[b][1]:.0f}"
        for a, b in pairs
        if a in at and b in at
    }
    return NetworkPicture(
        nodes=nodes,
        lines={link: "".join(path) for link, path in lines.items() if path},
        ties="".join(d for (a, b), d in between.items() if a in links and b in links),
        all_ties="".join(between.values()),
        half=round(picture.radius) + 6,
        left_out=len(around.contacts) - len(shown),
    )


def _placed(shown: list[Contact], ties: list[tuple[int, int]]) -> Picture:
    """Where everybody stands. Worked out once for a network: its digest is the cache's key."""
    members = [Member(c.person.key, c.person.kind, c.link) for c in shown]
    said = repr(([(m.key, m.kind.value) for m in members], ties))
    key = f"layout:{LAYOUT}:{hashlib.sha256(said.encode()).hexdigest()}"
    kept: Picture | None = cache.get(key)
    if kept is None:
        kept = layout(ego_network(EGO, members, ties), EGO)
        cache.set(key, kept, timeout=86_400)
    return kept


# --- Timeline -----------------------------------------------------------------------------------

MOST_LANES = 40
WIDTH = 400
_LEFT = 82
_RIGHT = WIDTH - 14
_LABEL = 56
_TOP = 26
_LANE = 18
_BINS = 48
_TALL = 130


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    step: str
    title: str
    since: int = 0  # the step of the slider from which on it is shown
    later: bool = False  # not yet on the day that is shown


@dataclass(frozen=True, slots=True)
class Lane:
    y: float
    label: str
    marks: list[Mark]
    start: float
    end: float
    mark: str = ""  # as in the network

    @property
    def top(self) -> float:
        return self.y - _LANE / 2

    @property
    def later(self) -> bool:
        return all(mark.later for mark in self.marks)

    @property
    def reach(self) -> float:
        """Where the line ends on the day that is shown."""
        return max((mark.x for mark in self.marks if not mark.later), default=self.start)


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str

    @property
    def ends(self) -> bool:
        """Whether the label must end at the tick: begun there, it would not fit any more."""
        return self.x > WIDTH - _LABEL


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    width: float
    parts: list[tuple[str, float, float]]  # link, y, height
    title: str
    since: int = 0
    later: bool = False


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
    days: list[float] = field(default_factory=list)  # where each step of the slider ends
    now: float | None = None  # where the day that is shown ends; None for the last

    @property
    def view_box(self) -> str:
        return f"0 0 {self.width} {self.height:.0f}"


def timeline_picture(
    children: list[Contact], replay: Replay | None = None
) -> TimelinePicture | None:
    """The contacts with children over time; None where there is nothing to draw.

    What came after the day that ``replay`` shows keeps its place and is marked as later. Columns
    count first contacts by what became of them until now, whatever the day.
    """
    dated = [contact for contact in children if contact.moments]
    if not dated:
        return None
    first = min(contact.moments[0].at for contact in dated)
    last = max(contact.moments[-1].at for contact in dated)
    scale = _Scale(first, last)
    until = end_of(replay.until) if replay and replay.until else None
    days = [scale.x(min(end, last)) for end in replay.ends] if replay else []
    now = days[replay.position] if replay and until and days else None
    if len(dated) > MOST_LANES:
        bars, most = _columns(dated, scale, replay, until)
        height = _TOP + _TALL + 8
        return TimelinePicture([], bars, scale.ticks(), height, most, [], days=days, now=now)
    lanes = []
    for number, contact in enumerate(dated):
        xs = [scale.x(moment.at) for moment in contact.moments]
        lanes.append(
            Lane(
                y=_TOP + _LANE * number + _LANE / 2,
                label=contact.person.label.removeprefix("Child "),
                marks=[
                    _mark(x, m, replay, until) for x, m in zip(xs, contact.moments, strict=True)
                ],
                mark=contact.person.mark,
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
        days=days,
        now=now,
    )


def _mark(x: float, moment: Moment, replay: Replay | None, until: datetime | None) -> Mark:
    return Mark(
        x,
        moment.step.value,
        f"{moment.words}, {moment.at:%-d %b %Y %H:%M}",
        since=replay.step(moment.at) if replay else 0,
        later=until is not None and moment.at > until,
    )


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
            step = max(1, round(days / 5))
            day = self.first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            while day <= self.last:
                dates.append((day, f"{day:%-d %b}"))
                day += timedelta(days=step)
        else:
            months = days / 30.4
            step = next((s for s in (1, 2, 3, 6) if months / s <= 5), 12)
            while months / step > 10:
                step *= 2  # only years, which are short
            year, month = self.first.year, 1
            while (day := datetime(year, month, 1, tzinfo=UTC)) <= self.last:
                dates.append((day, f"{day:%b %Y}" if step < 12 else f"{day:%Y}"))
                month += step
                year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
        found = [
            Tick(x, label)
            for day, label in dates
            if day >= self.first and (x := self.x(day)) <= _RIGHT - 24
        ]
        # The last label, where it ends at its line, would be written over the one before
        if len(found) > 1 and found[-1].ends and found[-1].x - found[-2].x < 2 * _LABEL:
            found[-1] = Tick(found[-1].x, "")
        return found


def _columns(
    dated: list[Contact], scale: _Scale, replay: Replay | None, until: datetime | None
) -> tuple[list[Bar], int]:
    begun: list[datetime | None] = [None] * _BINS
    bins: list[dict[Link, int]] = [dict.fromkeys(Link, 0) for _ in range(_BINS)]
    width = (_RIGHT - _LEFT) / _BINS
    for contact in dated:
        place = min(_BINS - 1, int((scale.x(contact.moments[0].at) - _LEFT) / width))
        bins[place][contact.link] += 1
        begun[place] = min(begun[place] or contact.moments[0].at, contact.moments[0].at)
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
        first = begun[place]
        start = scale.first + timedelta(seconds=scale.span * place / _BINS)
        bars.append(
            Bar(
                x=round(_LEFT + place * width, 1),
                width=round(width - 1.5, 1),
                parts=parts,
                title=f"from {start:%-d %b %Y}: {total} first contacts, "
                f"{of_one[Link.ACCEPTED]} accepted, {of_one[Link.REFUSED]} refused",
                since=replay.step(first) if replay and first else 0,
                later=until is not None and first is not None and first > until,
            )
        )
    return bars, most
