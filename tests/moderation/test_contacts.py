"""What happened between a flagged account and the people around it, and its two pictures."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, Event, Tie
from moderation import pictures
from moderation.selectors.contacts import Contact, Step
from moderation.selectors.people import letters
from moderation.selectors.surroundings import surroundings, ties_between
from signals.networks import Kind, Link
from tests.moderation import factories
from tests.moderation.factories import NOON

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def flagged() -> Account:
    return factories.account()


def _answer(type_: str, to: Event, by: Account) -> Event:
    return Event.objects.create(
        event_id=f"{type_} {to.event_id}",
        type=type_,
        actor=by,
        ref=to,
        reference=to.event_id,
        published=to.published + HOUR,
        batch=to.batch,
    )


def _only(flagged: Account) -> Contact:
    (contact,) = surroundings(flagged).contacts
    return contact


@pytest.mark.parametrize(
    ("answer", "link", "outcome"),
    [
        ("Accept", Link.ACCEPTED, "accepted"),
        ("Reject", Link.REFUSED, "request rejected"),
        ("Ignore", Link.WAITING, "no answer"),
        (None, Link.WAITING, "no answer"),
    ],
)
def test_the_answer_to_a_request(
    flagged: Account, answer: str | None, link: Link, outcome: str
) -> None:
    girl = factories.child()
    offer = factories.event(flagged, girl)
    if answer:
        _answer(answer, offer, girl)

    contact = _only(flagged)

    assert (contact.link, contact.outcome) == (link, outcome)
    assert contact.first_at == NOON
    assert contact.answered_after == (HOUR if answer in ("Accept", "Reject") else None)


@pytest.mark.parametrize(
    ("type_", "outcome"),
    [
        ("Block", "blocked the account"),
        ("Remove", "ended the tie"),
        ("Flag", "reported the account"),
    ],
)
def test_what_a_child_does_after_accepting_counts_last(
    flagged: Account, type_: str, outcome: str
) -> None:
    girl = factories.child()
    factories.accept(factories.event(flagged, girl), at=NOON + HOUR)
    factories.event(girl, flagged, at=NOON + 2 * HOUR, type=type_)

    contact = _only(flagged)

    assert (contact.link, contact.outcome) == (Link.REFUSED, outcome)
    assert contact.accepted


@pytest.mark.parametrize("until", [None, NOON])
def test_a_friend_tie_says_that_a_contact_was_accepted_also_once_it_has_ended(
    flagged: Account, until: datetime | None
) -> None:
    girl = factories.child()
    factories.event(flagged, girl)
    assert not _only(flagged).accepted
    _tie(flagged, girl, "friend", until=until)

    assert _only(flagged).accepted


def test_neither_a_refusal_nor_being_asked_is_an_acceptance(flagged: Account) -> None:
    refuser, asker = factories.child(), factories.child()
    _answer("Reject", factories.event(flagged, refuser), refuser)
    factories.event(asker, flagged)
    _tie(flagged, asker, "friend")

    assert not any(contact.accepted for contact in surroundings(flagged).contacts)


def test_only_the_person_asked_can_answer(flagged: Account) -> None:
    girl, other = factories.child(), factories.child()
    offer = factories.event(flagged, girl)
    _answer("Accept", offer, other)

    assert _only(flagged).link is Link.WAITING


def test_a_request_withdrawn_by_the_account_stays_in_sight(flagged: Account) -> None:
    girl = factories.child()
    _answer("Undo", factories.event(flagged, girl), flagged)

    contact = _only(flagged)

    assert contact.outcome == "no answer, withdrawn"
    assert [m.step for m in contact.moments] == [Step.REQUEST, Step.WITHDRAWN]


def test_a_thread_asks_for_no_answer(flagged: Account) -> None:
    factories.event(flagged, factories.child(), type="Create")

    assert _only(flagged).outcome == "none needed for a thread"


def test_who_made_contact_themselves_was_not_approached(flagged: Account) -> None:
    factories.event(factories.child(), flagged)

    around = surroundings(flagged)

    assert around.children == []
    assert around.contacts[0].outcome == "contact by the other side only"
    assert pictures.timeline_picture(around.children) is None


@pytest.mark.parametrize(
    ("kind", "outcome"), [("friend", "friends"), ("family", "family"), ("follow", "a follow")]
)
def test_ties_take_part_without_any_event(flagged: Account, kind: str, outcome: str) -> None:
    other = factories.account()
    _tie(flagged, other, kind)

    contact = _only(flagged)

    assert (contact.link, contact.outcome, contact.first_at) == (Link.TIE, outcome, None)


def test_family_goes_before_friendship_and_ended_ties_are_no_ties(flagged: Account) -> None:
    uncle, former = factories.account(), factories.account()
    _tie(flagged, uncle, "family")
    _tie(flagged, uncle, "friend")
    _tie(flagged, former, "friend", until=NOON)

    outcomes = [contact.outcome for contact in surroundings(flagged).contacts]

    assert outcomes == ["family", "contact by the other side only"]


def test_ages_are_those_of_the_first_contact(flagged: Account) -> None:
    almost = factories.account(birth_date=date(NOON.year - 18, NOON.month, NOON.day + 1))
    exactly = factories.account(birth_date=date(NOON.year - 18, NOON.month, NOON.day))
    unknown = factories.account(birth_date=None)
    year_only = factories.account(birth_date=None, birth_year=NOON.year - 15)
    for other in (almost, exactly, unknown, year_only):
        factories.event(flagged, other)

    labels = {c.person.key: c.person.label for c in surroundings(flagged).contacts}

    assert labels == {
        almost.pk: "Child A, 16–17",
        exactly.pk: "Adult 1",
        unknown.pk: "Account 1",
        year_only.pk: "Child B, 13–15",
    }


def test_children_approached_come_first_then_others_then_ties(flagged: Account) -> None:
    adult, later, earlier, friend = (
        factories.account(), factories.child(), factories.child(), factories.account(),
    )  # fmt: skip
    factories.event(flagged, adult, at=NOON - 9 * HOUR)
    factories.event(flagged, later, at=NOON)
    factories.event(flagged, earlier, at=NOON - HOUR)
    _tie(flagged, friend, "friend")

    keys = [contact.person.key for contact in surroundings(flagged).contacts]

    assert keys == [earlier.pk, later.pk, adult.pk, friend.pk]


def test_ties_between_people_are_stated_or_made_by_accepting() -> None:
    a, b, c, d, outside = (factories.account() for _ in range(5))
    _tie(b, a, "friend")
    _tie(a, c, "friend", until=NOON)
    factories.accept(factories.event(c, d))
    factories.event(a, d)
    _tie(a, outside, "friend")

    assert ties_between([a.pk, b.pk, c.pk, d.pk]) == [(a.pk, b.pk), (c.pk, d.pk)]


def test_everybody_is_read_in_five_queries_and_no_name_among_them(flagged: Account) -> None:
    for _ in range(5):
        factories.accept(factories.event(flagged, factories.child()))

    with CaptureQueriesContext(connection) as queries:
        surroundings(flagged)

    assert len(queries) == 5
    assert not any("display_name" in query["sql"] for query in queries)


def test_the_summary_counts_people_by_answer(flagged: Account) -> None:
    for number in range(4):
        offer = factories.event(flagged, factories.child())
        if number < 2:
            factories.accept(offer)
    factories.event(flagged, factories.account())
    _tie(flagged, factories.child(), "friend")

    assert surroundings(flagged).summary == (
        "The account made contact with 4 children (2 accepted, 2 without an answer) and with "
        "1 other person. 1 person is tied to it otherwise, 1 child among them."
    )


def test_a_timeline_has_a_lane_for_each_child_in_the_order_of_first_contact(
    flagged: Account,
) -> None:
    for number in range(3):
        offer = factories.event(flagged, factories.child(), at=NOON + number * 40 * 24 * HOUR)
        factories.accept(offer, at=offer.published + 30 * 24 * HOUR)

    picture = pictures.timeline_picture(surroundings(flagged).children)

    assert picture is not None
    assert [lane.label for lane in picture.lanes] == ["A, 13–15", "B, 13–15", "C, 13–15"]
    starts = [lane.marks[0].x for lane in picture.lanes]
    assert starts == sorted(starts)
    for lane in picture.lanes:
        assert [mark.step for mark in lane.marks] == ["request", "accepted"]
        assert lane.start < lane.end <= picture.width
    assert {tick.label for tick in picture.ticks} <= {"Apr 2026", "May 2026", "Jun 2026"}
    assert picture.steps == [("request", "request sent"), ("accepted", "accepted")]


def test_a_single_moment_still_makes_a_picture(flagged: Account) -> None:
    factories.event(flagged, factories.child())

    picture = pictures.timeline_picture(surroundings(flagged).children)

    assert picture is not None
    (mark,) = picture.lanes[0].marks
    assert 0 < mark.x < picture.width


def test_many_children_become_columns_that_add_up(flagged: Account) -> None:
    for number in range(pictures.MOST_LANES + 5):
        offer = factories.event(flagged, factories.child(), at=NOON + number * 24 * HOUR)
        if number % 5 == 0:
            factories.accept(offer)

    picture = pictures.timeline_picture(surroundings(flagged).children)

    assert picture is not None
    assert picture.lanes == []
    counted = [int(bar.title.split(": ")[1].split()[0]) for bar in picture.bars]
    assert sum(counted) == pictures.MOST_LANES + 5
    assert max(counted) == picture.most
    for bar in picture.bars:
        assert bar.x + bar.width <= picture.width
        assert all(height > 0 and y + height <= picture.height for _, y, height in bar.parts)


def test_the_network_picture_says_how_many_it_leaves_out(
    flagged: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        factories.event(flagged, factories.child())
    _tie(flagged, factories.account(), "friend")
    monkeypatch.setattr(pictures, "MOST_MEMBERS", 4)
    around = surroundings(flagged)

    picture = pictures.network_picture(around, pictures.shown_members(around), [])

    assert picture.left_out == 2
    assert [node.contact.person.kind for node in picture.nodes] == [Kind.CHILD] * 4
    assert set(picture.lines) == {Link.WAITING}


@pytest.mark.parametrize(("number", "mark"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ")])
def test_letters_go_on_after_z(number: int, mark: str) -> None:
    assert letters(number) == mark


def _tie(one: Account, other: Account, kind: str, **given: object) -> None:
    a, b = sorted((one, other), key=lambda account: account.pk)
    Tie.objects.create(a=a, b=b, kind=kind, batch_id=0, **given)
