"""How contact spread: each day's picture, table and words, out of the same happenings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation import pictures
from moderation.replay import MOST_DAYS, Replay, end_of
from moderation.selectors.contacts import STEP_WORDS, Contact, Moment, Step, Surroundings
from moderation.selectors.people import Person, letters
from signals.networks import Kind

START = datetime(2026, 3, 2, 12, tzinfo=UTC)

_moments = st.lists(
    st.tuples(st.integers(0, 24 * 90), st.sampled_from(Step)), min_size=0, max_size=6
)
_contacts = st.lists(
    st.tuples(_moments, st.sampled_from(["", "friend", "family"]), st.sampled_from(Kind)),
    min_size=1,
    max_size=8,
)


def _around(told: list[tuple[list[tuple[int, Step]], str, Kind]]) -> Surroundings:
    contacts = []
    for key, (moments, tied, kind) in enumerate(told):
        found = [Moment(START + timedelta(hours=h), step, STEP_WORDS[step]) for h, step in moments]
        person = Person(key, kind, letters(key), "13–15")
        contacts.append(Contact(person, sorted(found), tied))
    return Surroundings(contacts, {c.person.key: c.person for c in contacts})


@given(_contacts)
def test_a_course_ends_with_what_is_known_and_never_says_one_thing_twice(
    told: list[tuple[list[tuple[int, Step]], str, Kind]],
) -> None:
    for contact in _around(told).contacts:
        links = [link for _, link in contact.course]
        assert links[-1] is contact.link
        assert all(one is not next_ for one, next_ in pairwise(links))


@given(_contacts)
def test_every_step_of_the_slider_says_what_the_server_says_of_that_day(
    told: list[tuple[list[tuple[int, Step]], str, Kind]],
) -> None:
    around = _around(told)
    whole = Replay(around)
    for step, day in enumerate(whole.days):
        past = Replay(around, day).past
        assert whole.words[step] == past.summary == Replay(around, day).summary
        links = {c.person.key: c.link.value for c in past.contacts}
        for contact in around.contacts:
            assert _drawn(whole.steps_of(contact), step) == links.get(contact.person.key)
    assert whole.summary == around.summary


@given(st.integers(2, 400))
def test_many_days_become_steps_from_the_first_to_the_last(days: int) -> None:
    around = _around([([(24 * n, Step.REQUEST)], "", Kind.CHILD) for n in range(days)])
    replay = Replay(around)
    assert len(replay.days) == len(set(replay.days)) == min(days, MOST_DAYS)
    assert replay.days[0] == START.date()
    assert replay.days[-1] == (START + timedelta(days=days - 1)).date()
    assert replay.position == len(replay.days) - 1
    assert Replay(around, replay.days[0]).position == 0


def test_who_came_later_keeps_a_place(db: None) -> None:
    around = _around(
        [
            ([(0, Step.REQUEST), (48, Step.ACCEPTED)], "", Kind.CHILD),
            ([(72, Step.REQUEST)], "", Kind.CHILD),
        ]
    )
    shown = pictures.shown_members(around)
    replay = Replay(around, START.date())

    whole = pictures.network_picture(around, shown, [(0, 1)], Replay(around))
    then = pictures.network_picture(around, shown, [(0, 1)], replay)
    assert [(n.x, n.y) for n in whole.nodes] == [(n.x, n.y) for n in then.nodes]
    assert [node.shown for node in whole.nodes] == ["accepted", "waiting"]
    assert [node.shown for node in then.nodes] == ["waiting", "later"]
    assert whole.ties == then.all_ties
    assert not then.ties

    timeline = pictures.timeline_picture(around.children, replay)
    assert timeline is not None
    first, second = timeline.lanes
    assert [mark.later for mark in first.marks] == [False, True]
    assert (first.reach, second.later) == (first.start, True)
    assert timeline.now == timeline.days[0]


@pytest.mark.parametrize("hours", [0, 11])
def test_a_day_ends_at_midnight(hours: int) -> None:
    at = START + timedelta(hours=hours)
    assert end_of(START.date()) >= at
    assert end_of(START.date()) < START + timedelta(hours=12)


def _drawn(steps: str, step: int) -> str | None:
    """What the script in the page makes of ``data-steps``."""
    link = None
    for entry in steps.split():
        start, _, name = entry.partition(":")
        if int(start) <= step:
            link = name
    return link
