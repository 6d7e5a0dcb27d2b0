"""The score of an account each time it was computed, as a small picture in steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

MOST = 60
"""Computations that the picture shows, the latest; the table beside it has all."""
WIDTH = 320.0
HEIGHT = 72.0
_EDGE = 6.0


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    title: str


@dataclass(frozen=True, slots=True)
class ScorePicture:
    """Steps through ``dots``. ``words`` say what the picture shows."""

    path: str
    dots: list[Dot]
    words: str

    @property
    def view_box(self) -> str:
        return f"0 0 {WIDTH:.0f} {HEIGHT:.0f}"


def score_picture(scores: Sequence[tuple[datetime, float]]) -> ScorePicture | None:
    """The picture of ``scores`` (time, points; the oldest first); None for fewer than two.

    A score holds until the next is computed, so the line goes in steps; points begin at zero or
    at the lowest score below it, so that a small change looks small.
    """
    shown = scores[-MOST:]
    if len(shown) < 2:
        return None
    first, last = shown[0][0], shown[-1][0]
    span = (last - first).total_seconds() or 1.0
    low = min(0.0, *(points for _, points in shown))
    reach = max(points for _, points in shown) - low or 1.0
    dots = [
        Dot(
            round(_EDGE + (at - first).total_seconds() / span * (WIDTH - 2 * _EDGE), 1),
            round(HEIGHT - _EDGE - (points - low) / reach * (HEIGHT - 2 * _EDGE), 1),
            f"{points:.0f} points, {at:%-d %b %Y %H:%M}",
        )
        for at, points in shown
    ]
    path = f"M{dots[0].x} {dots[0].y}" + "".join(f"H{dot.x}V{dot.y}" for dot in dots[1:])
    return ScorePicture(
        path,
        dots,
        f"From {shown[0][1]:.0f} to {shown[-1][1]:.0f} points in {len(scores)} computations.",
    )
