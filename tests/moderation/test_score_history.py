"""The picture of an account's scores over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from moderation.score_history import HEIGHT, MOST, WIDTH, score_picture

START = datetime(2026, 3, 2, tzinfo=UTC)

_scores = st.lists(
    st.tuples(st.integers(0, 10_000), st.floats(-400, 900)), min_size=2, max_size=80
).map(sorted)


@given(_scores)
def test_every_score_has_its_place_inside_the_picture(told: list[tuple[int, float]]) -> None:
    scores = [(START + timedelta(hours=h), points) for h, points in told]

    picture = score_picture(scores)

    assert picture is not None
    assert len(picture.dots) == min(len(scores), MOST)
    assert all(0 <= dot.x <= WIDTH and 0 <= dot.y <= HEIGHT for dot in picture.dots)
    assert [dot.x for dot in picture.dots] == sorted(dot.x for dot in picture.dots)
    shown = sorted(zip(picture.dots, scores[-MOST:], strict=True), key=lambda pair: pair[1][1])
    heights = [dot.y for dot, _ in shown]
    assert heights == sorted(heights, reverse=True)  # more points stand higher


def test_one_score_is_no_history() -> None:
    assert score_picture([(START, 100.0)]) is None
