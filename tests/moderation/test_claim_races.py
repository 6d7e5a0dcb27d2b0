"""Real sessions that want the same thing at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from threading import Barrier, Thread, Timer
from typing import Any

import pytest
from django.db import connection

from accounts.models import Account
from audit.actors import Actor
from audit.models import Entry
from moderation.errors import CaseTaken
from moderation.models import Case
from moderation.services import care, claims, intake
from signals.models import Assessment
from staff.models import User
from tests.moderation import factories
from tests.moderation.sql import intruding

pytestmark = pytest.mark.django_db(transaction=True)

RACES = 1_000


@pytest.fixture
def long_shifts(admin: User) -> None:
    """Shifts that hold more cases than anybody should carry."""
    care.set_terms(
        actor=Actor.of_user(admin), cases=care.MOST, critical=care.MOST, reveals=1, contacts="Sam."
    )


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """Run each job in a thread with a database session of its own; what each one returned."""
    results: list[Any] = [None] * len(jobs)

    def work(place: int, job: Callable[[], Any]) -> None:
        try:
            results[place] = job()
        except BaseException as error:  # noqa: BLE001 - handed to the test, which looks at it
            results[place] = error
        finally:
            connection.close()

    threads = [Thread(target=work, args=item) for item in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def open_many(count: int) -> list[int]:
    """The ids of ``count`` open cases."""
    run = factories.run()
    accounts = Account.objects.bulk_create(
        [Account(account_id=f"many{number}", batch_id=0) for number in range(count)]
    )
    found = {"points": 120.0, "flagged": True, "groups": 2, "minors": 3, "stretch": "all"}
    Assessment.objects.bulk_create(
        [Assessment(run=run, account=account, **found) for account in accounts]
    )
    assert intake.open_cases(run, Actor.system("worker")) == (count, 0)
    return list(Case.objects.order_by("pk").values_list("pk", flat=True))


def test_a_thousand_races_have_one_winner_each_and_tell_the_loser(
    long_shifts: None, moderator: User, moderator2: User
) -> None:
    cases = open_many(RACES)
    start = Barrier(2, timeout=60)

    def race(user: User) -> list[str]:
        actor = Actor.of_user(user)
        outcomes = []
        for case in cases:
            start.wait()
            try:
                claims.claim(actor=actor, case_id=case)
                outcomes.append(user.name)
            except CaseTaken as refusal:
                outcomes.append(f"told: {refusal.holder_name}")
        return outcomes

    one, other = at_once(lambda: race(moderator), lambda: race(moderator2))
    holders = list(Case.objects.order_by("pk").values_list("holder__name", flat=True))
    for mine, yours, holder in zip(one, other, holders, strict=True):
        assert {mine, yours} == {holder, f"told: {holder}"}
    assert set(holders) == {moderator.name, moderator2.name}
    assert Entry.objects.filter(verb="case.claim").count() == RACES


def test_people_who_ask_for_the_next_case_at_once_get_different_ones(
    long_shifts: None, moderator: User, moderator2: User, supervisor: User
) -> None:
    cases = open_many(60)

    def take_all(user: User) -> list[int]:
        taken = []
        while (case := claims.claim_next(actor=Actor.of_user(user))) is not None:
            taken.append(case.pk)
        return taken

    shares = at_once(*[lambda u=user: take_all(u) for user in (moderator, moderator2, supervisor)])
    assert sorted(chain.from_iterable(shares)) == cases


def test_a_queue_that_is_just_being_written_is_waited_for_and_not_called_empty(
    moderator: User,
) -> None:
    (case,) = open_many(1)
    with intruding("owner") as writer:
        writer.run("SELECT FROM moderation_case FOR UPDATE")
        releasing = Timer(0.5, writer.connection.commit)
        releasing.start()
        taken = claims.claim_next(actor=Actor.of_user(moderator))
        releasing.join()
    assert taken is not None
    assert taken.pk == case


def test_two_intakes_at_once_open_one_case_an_account_with_numbers_in_a_row() -> None:
    accounts = [factories.account() for _ in range(20)]
    runs = [factories.run(), factories.run()]
    for run in runs:
        for account in accounts:
            factories.assessment(account, in_run=run)
    start = Barrier(2, timeout=60)

    def take_in(run: Any) -> tuple[int, int]:
        start.wait()
        return intake.open_cases(run, Actor.system("worker"))

    results = at_once(*[lambda r=run: take_in(r) for run in runs])
    assert sorted(results) == [(0, 0), (20, 0)]
    numbers = sorted(int(case.reference[-6:]) for case in Case.objects.all())
    assert numbers == list(range(1, 21))
    assert {case.account_id for case in Case.objects.all()} == {a.pk for a in accounts}
