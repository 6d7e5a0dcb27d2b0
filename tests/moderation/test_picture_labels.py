"""The network stays readable: every label has a place of its own, inside its own shape."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise

import pytest

from moderation import pictures
from moderation.selectors.contacts import STEP_WORDS, Contact, Moment, Step, Surroundings
from moderation.selectors.people import Person, letters
from signals.networks import Kind

WIDEST = 0.86
"""Width of the widest letter that occurs in marks of up to 300 people (M), in sizes of the font."""
SHORT, LONG = 10.0, 7.5  # sizes of the font as in pictures.css, the latter from three signs on
SHAPE = {Kind.CHILD: 22.0, Kind.ADULT: 18.0, Kind.UNKNOWN: 22.0}


@pytest.mark.parametrize("people", [3, 10, 47, 120, 300])
def test_labels_do_not_overlap(db: None, people: int) -> None:
    kinds = (Kind.CHILD, Kind.ADULT, Kind.CHILD, Kind.UNKNOWN)
    contacts = []
    for n in range(people):
        kind = kinds[n % 4]
        mark = letters(n) if kind is Kind.CHILD else str(n + 1)
        contacts.append(Contact(Person(n, kind, mark, "13–15"), [], "friend"))
    ties = [(n, n + 1) for n in range(0, people - 1, 3)]

    picture = pictures.network_picture(Surroundings(contacts, {}), contacts, ties)

    boxes = []
    for node in picture.nodes:
        mark = node.contact.person.mark
        size = LONG if len(mark) > 2 else SHORT
        width = len(mark) * size * (WIDEST if mark.isalpha() else 0.64)
        assert width <= SHAPE[node.contact.person.kind]
        boxes.append((node.x, node.y, width / 2, size / 2))
    for (x, y, w, h), (other_x, other_y, other_w, other_h) in combinations(boxes, 2):
        assert abs(x - other_x) > w + other_w or abs(y - other_y) > h + other_h
    # Nor does any cover the account in the middle
    assert all(x * x + y * y > 60**2 for x, y, _, _ in boxes)


LETTER = 6.0
"""Room for each letter of a date in units of the timeline, at the size of pictures.css."""


@pytest.mark.parametrize("days", [1, 4, 30, 59, 61, 150, 260, 290, 340, 400, 700, 1500, 4000, 9000])
def test_dates_of_a_timeline_do_not_run_into_each_other(days: int) -> None:
    for begins in range(0, 360, 15):
        first = datetime(2025, 1, 1, 12, tzinfo=UTC) + timedelta(days=begins)
        moments = [
            Moment(at, Step.REQUEST, STEP_WORDS[Step.REQUEST])
            for at in (first, first + timedelta(days=days))
        ]
        child = Contact(Person(1, Kind.CHILD, "A", "13–15"), moments)
        picture = pictures.timeline_picture([child])
        assert picture is not None
        written = [
            (tick.x - room, tick.x) if tick.ends else (tick.x, tick.x + room)
            for tick in picture.ticks
            if (room := LETTER * len(tick.label))
        ]
        assert written
        assert all(end <= begin for (_, end), (begin, _) in pairwise(written)), (first, written)
        assert all(end <= picture.width for _, end in written)
